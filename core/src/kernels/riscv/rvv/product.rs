//! Matrix products: a lane is a column, an input is a scalar.
//!
//! Weights lie with the depth inside, so a chunk of them is first transposed, and widened to 16
//! bits: then `vwmacc.vx` multiplies all columns of a channel by a row's input and adds to 32-bit
//! sums, exact for any bytes, and nothing is left to be summed up across lanes. Three rows share
//! a load of weights, their sums filling 24 of the 32 registers.

use crate::blob::{Linear, Matrix};
use crate::fixed::FixedMultiplier;
use crate::kernels::portable;
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use crate::kernels::{Activations, RowScale};
use crate::shape::BLOCK;
use core::arch::asm;
use core::mem::MaybeUninit;

/// Rows computed together.
const ROWS: usize = 3;
/// Weights transposed at a time: 8 KiB of stack.
const TRANSPOSED: usize = 4096;
/// Columns computed together, on machines whose registers hold as many.
const MOST_COLUMNS: usize = TRANSPOSED / BLOCK;

pub fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    if !product(a, b, 0, out, out_width) {
        portable::product(a, b, 0, out, out_width);
    }
}

pub fn linear(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    if !product(input.values, &layer.weights, first, out, out_width) {
        portable::product(input.values, &layer.weights, first, out, out_width);
    }
    for (out, scale) in out.chunks_exact_mut(out_width.max(1)).zip(input.rows) {
        requantize(out, layer, first, scale);
    }
}

/// Dot products of all rows of `a` with columns `first..first + width` of `b`; false where the
/// slices are not as long as that needs, or the weights not aligned to words.
fn product(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) -> bool {
    let depth = b.depth;
    if depth == 0 || !depth.is_multiple_of(BLOCK) || !width.is_multiple_of(BLOCK) {
        return false;
    }
    let rows = a.len() / depth;
    let start = first.saturating_mul(depth);
    let fits = first.is_multiple_of(BLOCK)
        && rows.checked_mul(width).is_some_and(|n| n <= out.len())
        && b.data.as_ptr().cast::<i32>().is_aligned();
    let end = start.saturating_add(width.saturating_mul(depth));
    let Some(weights) = b.data.get(start..end).filter(|_| fits) else {
        return false;
    };
    let mut transposed = MaybeUninit::<[i16; TRANSPOSED]>::uninit();
    let most = sums_in_registers().min(MOST_COLUMNS);
    for column in (0..width).step_by(most) {
        let count = most.min(width - column);
        let block_columns = &weights[column * depth..(column + count) * depth];
        let chunk_depth = TRANSPOSED / count / BLOCK * BLOCK;
        for chunk in (0..depth).step_by(chunk_depth) {
            let channels = chunk_depth.min(depth - chunk);
            // SAFETY: the blocks are aligned as the weights are, `count` columns lie from the chunk
            // on, and `channels` rows of as many fit in `TRANSPOSED`.
            unsafe {
                let blocks = &block_columns[chunk * BLOCK..];
                transpose(
                    blocks,
                    depth,
                    count,
                    channels,
                    transposed.as_mut_ptr().cast(),
                );
            }
            let tiles = a[..rows * depth]
                .chunks(ROWS * depth)
                .zip(out.chunks_mut(ROWS * width));
            for (rows, out) in tiles {
                let tile = Tile {
                    weights: transposed.as_ptr().cast(),
                    columns: count,
                    channels,
                    inputs: &rows[chunk..],
                    depth,
                    out: &mut out[column..],
                    width,
                    begun: chunk > 0,
                };
                // SAFETY: the weights of all columns and channels have been written; the rows
                // have `depth` inputs each, from the chunk's on, and `width` sums each, from the
                // column's on.
                match rows.len() / depth {
                    0 => {}
                    1 => unsafe { accumulate::<1>(tile) },
                    2 => unsafe { accumulate::<2>(tile) },
                    _ => unsafe { accumulate::<ROWS>(tile) },
                }
            }
        }
    }
    true
}

/// How many 32-bit sums a group of eight registers holds: 32, or a larger power of two.
fn sums_in_registers() -> usize {
    let count;
    // SAFETY: asks, and writes no memory.
    unsafe {
        asm!("vsetvli {}, zero, e32, m8, ta, ma", out(reg) count, options(nomem, nostack));
    }
    count
}

/// Writes `channels` of `columns` as rows of 16 bits, a channel each.
///
/// # Safety
/// `blocks` begins with the channels, at most `depth`, of the first of `columns / 16` block
/// columns of that depth, aligned to four bytes; as many columns as [`sums_in_registers`] at most,
/// and `out` has room for them all.
unsafe fn transpose(blocks: &[i8], depth: usize, columns: usize, channels: usize, out: *mut i16) {
    // SAFETY: reads a word of four channels of each column at a time, and writes four rows, for
    // all of which the caller vouches.
    unsafe {
        asm!(
            // Where each column is: the 16 of a block 16 bytes apart.
            "vsetvli zero, a4, e32, m8, ta, ma",
            "vid.v v8",
            "vsrl.vi v16, v8, 4",
            "vand.vi v8, v8, 15",
            "vsll.vi v8, v8, 4",
            "vmul.vx v16, v16, a5",
            "vadd.vv v8, v8, v16",
            "2:",
            // The last step of four goes on to the next block.
            ".irp next, 4, 4, 4, 244",
            "vsetvli zero, zero, e32, m8, ta, ma",
            "vluxei32.v v16, (a0), v8",
            "addi a0, a0, \\next",
            "vsetvli zero, zero, e16, m4, ta, ma",
            "vnsrl.wi v0, v16, 0",
            "vnsrl.wi v4, v16, 16",
            "vsll.vi v24, v0, 8",
            "vsll.vi v28, v4, 8",
            "vsra.vi v24, v24, 8",
            "vsra.vi v0, v0, 8",
            "vsra.vi v28, v28, 8",
            "vsra.vi v4, v4, 8",
            ".irp channel, v24, v0, v28, v4",
            "vse16.v \\channel, (a2)",
            "add a2, a2, a3",
            ".endr",
            ".endr",
            "addi a1, a1, -1",
            "bnez a1, 2b",
            in("a0") blocks.as_ptr(),
            in("a1") channels / BLOCK,
            in("a2") out,
            in("a3") columns * size_of::<i16>(),
            in("a4") columns,
            in("a5") depth * BLOCK,
            clobber_abi("C"),
            options(nostack),
        );
    }
}

/// Rows of inputs, transposed weights and where their products go.
struct Tile<'t> {
    /// `channels` rows of `columns`.
    weights: *const i16,
    columns: usize,
    channels: usize,
    inputs: &'t [i8],
    depth: usize,
    out: &'t mut [i32],
    width: usize,
    /// Whether `out` holds the sums of channels before these.
    begun: bool,
}

/// Adds the products of `R` rows to their sums.
///
/// # Safety
/// The weights are there, at most as many columns as [`sums_in_registers`]; the rows have
/// `channels` inputs each, `depth` apart, and `columns` sums each, `width` apart.
unsafe fn accumulate<const R: usize>(tile: Tile<'_>) {
    let inputs = tile.inputs.as_ptr();
    // Rows that are not there are not read.
    let row = |index: usize| inputs.wrapping_add(index * tile.depth);
    // SAFETY: a step reads 16 rows of weights and 16 inputs of each row, and the sums are read and
    // written once, all of it where the caller says.
    unsafe {
        asm!(
            "vsetvli zero, a6, e32, m8, ta, ma",
            "mv t2, a7",
            "bnez s3, 3f",
            "vmv.v.i v8, 0",
            ".if {rows} > 1",
            "vmv.v.i v16, 0",
            ".endif",
            ".if {rows} > 2",
            "vmv.v.i v24, 0",
            ".endif",
            "j 4f",
            "3:",
            "vle32.v v8, (t2)",
            ".if {rows} > 1",
            "add t2, t2, s2",
            "vle32.v v16, (t2)",
            ".endif",
            ".if {rows} > 2",
            "add t2, t2, s2",
            "vle32.v v24, (t2)",
            ".endif",
            "4:",
            "vsetvli zero, zero, e16, m4, ta, ma",
            // A channel after the other, weights in v0 and in v4.
            "2:",
            ".irp k, 0, 2, 4, 6, 8, 10, 12, 14",
            "vle16.v v0, (a0)",
            "add a0, a0, a1",
            "vle16.v v4, (a0)",
            "add a0, a0, a1",
            "lb t0, \\k(a3)",
            "vwmacc.vx v8, t0, v0",
            ".if {rows} > 1",
            "lb t1, \\k(a4)",
            "vwmacc.vx v16, t1, v0",
            ".endif",
            ".if {rows} > 2",
            "lb t2, \\k(a5)",
            "vwmacc.vx v24, t2, v0",
            ".endif",
            "lb t0, \\k + 1(a3)",
            "vwmacc.vx v8, t0, v4",
            ".if {rows} > 1",
            "lb t1, \\k + 1(a4)",
            "vwmacc.vx v16, t1, v4",
            ".endif",
            ".if {rows} > 2",
            "lb t2, \\k + 1(a5)",
            "vwmacc.vx v24, t2, v4",
            ".endif",
            ".endr",
            "addi a3, a3, 16",
            "addi a4, a4, 16",
            "addi a5, a5, 16",
            "addi a2, a2, -1",
            "bnez a2, 2b",
            "vsetvli zero, zero, e32, m8, ta, ma",
            "vse32.v v8, (a7)",
            ".if {rows} > 1",
            "add a7, a7, s2",
            "vse32.v v16, (a7)",
            ".endif",
            ".if {rows} > 2",
            "add a7, a7, s2",
            "vse32.v v24, (a7)",
            ".endif",
            rows = const R,
            in("a0") tile.weights,
            in("a1") tile.columns * size_of::<i16>(),
            in("a2") tile.channels / BLOCK,
            in("a3") row(0),
            in("a4") row(1),
            in("a5") row(2),
            in("a6") tile.columns,
            in("a7") tile.out.as_mut_ptr(),
            in("s2") tile.width * size_of::<i32>(),
            in("s3") usize::from(tile.begun),
            clobber_abi("C"),
            options(nostack),
        );
    }
}

/// [`scalar::requantize`] of one row.
///
/// What does not depend on the row is computed once for all of [`linear`]'s.
#[inline(always)]
pub fn requantize(row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
    let channels = first..first + row.len();
    let (Some(multipliers), Some(sums), Some(biases)) = (
        layer.multipliers.get(channels.clone()),
        layer.column_sums.get(channels.clone()),
        layer.biases.get(channels),
    ) else {
        return scalar::requantize(row, layer, first, scale);
    };
    let FixedMultiplier { multiplier, shift } = row_factor(scale.scale, layer);
    // SAFETY: reads and writes `row.len()` numbers of `row` and reads as many of the others.
    unsafe {
        asm!(
            "csrwi vxrm, 0",
            "2:",
            "vsetvli t0, a1, e32, m8, ta, ma",
            "vle32.v v8, (a0)",
            "vle32.v v16, (a2)",
            "vnmsac.vx v8, a5, v16",
            "vsll.vx v8, v8, a6",
            "vle32.v v16, (a3)",
            "vadd.vv v16, v16, v16",
            "vmulh.vv v8, v8, v16",
            "vmulh.vx v8, v8, a7",
            "vssra.vx v8, v8, s2",
            "vle32.v v16, (a4)",
            "vadd.vv v8, v8, v16",
            "vse32.v v8, (a0)",
            "slli t1, t0, 2",
            "add a0, a0, t1",
            "add a2, a2, t1",
            "add a3, a3, t1",
            "add a4, a4, t1",
            "sub a1, a1, t0",
            "bnez a1, 2b",
            in("a0") row.as_mut_ptr(),
            in("a1") row.len(),
            in("a2") sums.as_ptr(),
            in("a3") multipliers.as_ptr(),
            in("a4") biases.as_ptr(),
            in("a5") scale.zero_point,
            in("a6") accumulator_shift(layer.weights.depth),
            in("a7") multiplier << 1,
            in("s2") shift,
            clobber_abi("C"),
            options(nostack),
        );
    }
}
