//! Cortex-M55 and M85 (Helium, MVE): `VMLADAVA.S8` multiplies 16 pairs of bytes and adds all
//! products to a general-purpose register.
//!
//! Four rows by two columns: 6 loads for 8 multiplications, 14 instructions for 128
//! multiply-accumulates. The eight sums are the eight even registers, which is where the
//! instruction wants them; pointers and the counter take the odd ones.

use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use crate::kernels::{Activations, Kernels};
use crate::shape::BLOCK;
use core::arch::asm;

/// Rows and columns computed together.
const ROWS: usize = 4;
const COLUMNS: usize = 2;

/// The set, where this machine has it.
pub struct Helium;

impl Kernels for Helium {
    fn name(&self) -> &'static str {
        "helium"
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        matmul(a, b, out, out_width)
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        linear(input, layer, first, out, out_width)
    }
}

fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    if !product(a, b, 0, out, out_width) {
        scalar::matmul(a, b, out, out_width);
    }
}

fn linear(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    let columns = layer.weights.columns;
    let fits = layer.multipliers.len() >= columns
        && layer.column_sums.len() >= columns
        && layer.biases.len() >= columns;
    if !fits || !product(input.values, &layer.weights, first, out, out_width) {
        return scalar::linear(input, layer, first, out, out_width);
    }
    for (out, row) in out.chunks_exact_mut(out_width.max(1)).zip(input.rows) {
        requantize(out, layer, first, row.scale, row.zero_point);
    }
}

/// Dot products of all rows of `a` with columns `first..first + width` of `b`; false where the
/// slices are not as long as that needs.
fn product(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) -> bool {
    let depth = b.depth.max(1);
    let rows = a.len() / depth;
    let fits = first.is_multiple_of(BLOCK)
        && b.depth.is_multiple_of(BLOCK)
        && width.is_multiple_of(BLOCK)
        && out.len() >= rows * width
        && first + width <= b.columns;
    let Some(weights) = b
        .data
        .get(first * depth..(first + width) * depth)
        .filter(|_| fits)
    else {
        return false;
    };
    for row in (0..rows).step_by(ROWS) {
        let count = ROWS.min(rows - row);
        // Rows that are not there repeat the last one; their sums are dropped.
        let tile = [0, 1, 2, 3].map(|i: usize| {
            let start = (row + i.min(count - 1)) * depth;
            &a[start..start + depth]
        });
        for (index, block_column) in weights.chunks_exact(BLOCK * depth).enumerate() {
            for column in (0..BLOCK).step_by(COLUMNS) {
                let sums = dot(tile, block_column, column);
                let at = row * width + index * BLOCK + column;
                for (i, pair) in sums.chunks_exact(COLUMNS).take(count).enumerate() {
                    out[at + i * width..][..COLUMNS].copy_from_slice(pair);
                }
            }
        }
    }
    true
}

/// Dot products of four rows with columns `column` and `column + 1`, row by row.
#[inline(always)]
fn dot(rows: [&[i8]; ROWS], block_column: &[i8], column: usize) -> [i32; ROWS * COLUMNS] {
    let depth = block_column.len() / BLOCK;
    assert!(column + 1 < BLOCK && depth >= BLOCK && depth.is_multiple_of(BLOCK));
    assert!(rows.iter().all(|row| row.len() >= depth));
    let weights = block_column[column * BLOCK..].as_ptr();
    let arguments = [
        rows[0].as_ptr() as usize,
        rows[1].as_ptr() as usize,
        rows[2].as_ptr() as usize,
        rows[3].as_ptr() as usize,
        weights as usize,
        depth / BLOCK,
    ];
    let mut sums = [0i32; ROWS * COLUMNS];
    // SAFETY: a step reads 16 bytes of each row, which has `depth` of them, and 32 bytes of one
    // block of 256 from the column's place in it, all within `block_column`. The six arguments are
    // read and the eight sums written in place. r6 and r7 may not be operands; they are saved on
    // the stack, and so is the place of the sums.
    unsafe {
        asm!(
            "push {{r1, r6, r7}}",
            "ldm r0, {{r1, r3, r5, r7, r9, r11}}",
            "mov r0, #0",
            "mov r2, #0",
            "mov r4, #0",
            "mov r6, #0",
            "mov r8, #0",
            "mov r10, #0",
            "mov r12, #0",
            "mov lr, #0",
            "2:",
            "vldrw.u32 q1, [r9, #16]",
            "vldrw.u32 q0, [r9], #256",
            "vldrb.u8 q2, [r1], #16",
            "vmladava.s8 r0, q2, q0",
            "vldrb.u8 q3, [r3], #16",
            "vmladava.s8 r2, q2, q1",
            "vldrb.u8 q2, [r5], #16",
            "vmladava.s8 r4, q3, q0",
            "vmladava.s8 r6, q3, q1",
            "vldrb.u8 q3, [r7], #16",
            "vmladava.s8 r8, q2, q0",
            "vmladava.s8 r10, q2, q1",
            "vmladava.s8 r12, q3, q0",
            "vmladava.s8 lr, q3, q1",
            "subs r11, r11, #1",
            "bne 2b",
            "pop {{r1}}",
            "stm r1, {{r0, r2, r4, r6, r8, r10, r12, lr}}",
            "pop {{r6, r7}}",
            inout("r0") arguments.as_ptr() => _,
            inout("r1") sums.as_mut_ptr() => _,
            out("r2") _,
            out("r3") _,
            out("r4") _,
            out("r5") _,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            out("r12") _,
            out("lr") _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
        );
    }
    sums
}

/// [`scalar::linear`]'s requantization of one row, four columns at a time.
fn requantize(row: &mut [i32], layer: &Linear<'_>, first: usize, scale: f32, zero_point: i32) {
    let factor = row_factor(scale, layer);
    let channels = first..first + row.len();
    let (multipliers, sums, biases) = (
        &layer.multipliers[channels.clone()],
        &layer.column_sums[channels.clone()],
        &layer.biases[channels],
    );
    let quads = row.len() / 4;
    if quads == 0 {
        return;
    }
    // SAFETY: each of the `quads` steps reads and writes 4 elements of `row` and reads 4 of each
    // of the others, which are as long.
    unsafe {
        asm!(
            "dls lr, {quads}",
            "2:",
            "vldrw.u32 q0, [{row}]",
            "vldrw.u32 q1, [{sums}], #16",
            "vmla.s32 q0, q1, {zero}",
            "vldrw.u32 q2, [{multipliers}], #16",
            "vshl.s32 q0, {shift}",
            "vqdmulh.s32 q0, q0, q2",
            "vldrw.u32 q3, [{biases}], #16",
            "vqdmulh.s32 q0, q0, {factor}",
            "vrshl.s32 q0, {right}",
            "vadd.i32 q0, q0, q3",
            "vstrw.32 q0, [{row}], #16",
            "le lr, 2b",
            quads = in(reg) quads,
            row = inout(reg) row.as_mut_ptr() => _,
            sums = inout(reg) sums.as_ptr() => _,
            multipliers = inout(reg) multipliers.as_ptr() => _,
            biases = inout(reg) biases.as_ptr() => _,
            zero = in(reg) zero_point.wrapping_neg(),
            shift = in(reg) accumulator_shift(layer.weights.depth),
            factor = in(reg) factor.multiplier,
            right = in(reg) (factor.shift as i32).wrapping_neg(),
            out("lr") _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            options(nostack),
        );
    }
}
