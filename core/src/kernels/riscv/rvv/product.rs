//! Matrix products: a lane is a column, an input is a scalar.
//!
//! Weights lie with the depth inside, so a chunk of them is first transposed, and widened to 16
//! bits: then `vwmacc.vx` multiplies all columns of a channel by a row's input and adds to 32-bit
//! sums, exact for any bytes, and nothing is left to be summed up across lanes. Three rows share
//! a load of weights, their sums filling 24 of the 32 registers.

use crate::blob::{Linear, Matrix};
use crate::fixed::Factor;
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
            for (index, block_column) in block_columns.chunks_exact(BLOCK * depth).enumerate() {
                let blocks = &block_column[chunk * BLOCK..(chunk + channels) * BLOCK];
                // SAFETY: the blocks are aligned as the weights are, and `channels` rows of
                // `count` columns, of which this writes 16, fit in the chunk.
                unsafe {
                    let out = transposed.as_mut_ptr().cast::<i16>().add(index * BLOCK);
                    transpose(blocks, out, count);
                }
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

/// Consecutive blocks of 16 columns, each 16 channels deep, as 16-bit rows of a channel each.
///
/// # Safety
/// `blocks` is aligned to four bytes; each of its channels writes 16 numbers, `stride` apart.
unsafe fn transpose(blocks: &[i8], out: *mut i16, stride: usize) {
    let steps = blocks.len() / (BLOCK * BLOCK);
    if steps == 0 {
        return;
    }
    // SAFETY: a step reads a block of 256 bytes, as words, column by column, and writes 16 rows of
    // 16 numbers, for which the caller vouches.
    unsafe {
        asm!(
            "2:",
            "li t1, 16",
            "mv t2, a2",
            // As many columns as registers hold: 8 at a time, or all. Four words of each: channels
            // 0 to 3 in v8, 4 to 7 in v10, and so on.
            "3:",
            "vsetvli t0, t1, e32, m2, ta, ma",
            "vlseg4e32.v v8, (a0)",
            "vsetvli zero, zero, e16, m1, ta, ma",
            "mv t3, t2",
            ".irp words, v8, v10, v12, v14",
            "vnsrl.wi v16, \\words, 0",
            "vnsrl.wi v17, \\words, 16",
            "vsll.vi v18, v16, 8",
            "vsll.vi v20, v17, 8",
            "vsra.vi v19, v16, 8",
            "vsra.vi v21, v17, 8",
            "vsra.vi v18, v18, 8",
            "vsra.vi v20, v20, 8",
            ".irp channel, v18, v19, v20, v21",
            "vse16.v \\channel, (t3)",
            "add t3, t3, a3",
            ".endr",
            ".endr",
            "slli t4, t0, 4",
            "add a0, a0, t4",
            "slli t4, t0, 1",
            "add t2, t2, t4",
            "sub t1, t1, t0",
            "bnez t1, 3b",
            "slli t4, a3, 4",
            "add a2, a2, t4",
            "addi a1, a1, -1",
            "bnez a1, 2b",
            in("a0") blocks.as_ptr(),
            in("a1") steps,
            in("a2") out,
            in("a3") stride * size_of::<i16>(),
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
fn requantize(row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
    let channels = first..first + row.len();
    let (Some(multipliers), Some(sums), Some(biases)) = (
        layer.multipliers.get(channels.clone()),
        layer.column_sums.get(channels.clone()),
        layer.biases.get(channels),
    ) else {
        return scalar::requantize(row, layer, first, scale);
    };
    let Factor { multiplier, shift } = row_factor(scale.scale, layer);
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
