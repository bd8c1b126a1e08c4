//! Cortex-M4, M7 and M33: `SMLAD` multiplies two pairs of 16-bit numbers and adds both products.
//!
//! Inputs are widened to 16 bits once per four rows, weights on the fly by `SXTB16`, which takes
//! bytes 0 and 2 of a word, or 1 and 3 of it rotated. Four rows share a widened weight: 13
//! instructions for 16 multiply-accumulates.

use crate::blob::{Linear, Matrix};
use crate::fixed::mul_q31;
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use crate::kernels::{Activations, Kernels};
use crate::shape::BLOCK;
use core::arch::asm;

/// Rows computed together.
const ROWS: usize = 4;
/// Input channels widened at a time: 1 KiB of stack.
const CHUNK: usize = 128;
/// Bytes of a 16 x 16 block.
const BLOCK_BYTES: usize = BLOCK * BLOCK;

/// A chunk of four rows in 16 bits: for each four channels and each row the pairs of channels
/// (0, 2) and (1, 3).
type Widened = [u32; ROWS * CHUNK / 2];

/// The set, where this machine has it.
pub struct Dsp;

impl Kernels for Dsp {
    fn name(&self) -> &'static str {
        "dsp"
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
    product(a, b, 0, out, out_width);
}

fn linear(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    product(input.values, &layer.weights, first, out, out_width);
    let shift = accumulator_shift(layer.weights.depth);
    let channels = first..first + out_width;
    let (Some(multipliers), Some(sums), Some(biases)) = (
        layer.multipliers.get(channels.clone()),
        layer.column_sums.get(channels.clone()),
        layer.biases.get(channels),
    ) else {
        return;
    };
    for (out, row) in out.chunks_exact_mut(out_width.max(1)).zip(input.rows) {
        let factor = row_factor(row.scale, layer);
        let constants = multipliers.iter().zip(sums).zip(biases);
        for (out, ((&multiplier, &sum), &bias)) in out.iter_mut().zip(constants) {
            let dot = out
                .wrapping_sub(row.zero_point.wrapping_mul(sum))
                .wrapping_shl(shift);
            *out = factor.apply(mul_q31(dot, multiplier)).wrapping_add(bias);
        }
    }
}

/// Dot products of all rows of `a` with columns `first..first + width` of `b`.
fn product(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) {
    let depth = b.depth.max(1);
    let start = first.saturating_mul(depth);
    let fits = first.is_multiple_of(BLOCK)
        && b.depth.is_multiple_of(BLOCK)
        && width.is_multiple_of(BLOCK)
        && out.len() >= a.len() / depth * width;
    let Some(weights) = b
        .data
        .get(start..start.saturating_add(width * depth))
        .filter(|_| fits)
    else {
        return scalar::matmul(a, b, out, width);
    };
    let mut widened: Widened = [0; ROWS * CHUNK / 2];
    for (tile, rows) in a.chunks(ROWS * depth).enumerate() {
        let count = rows.len() / depth;
        for chunk in (0..depth).step_by(CHUNK) {
            let channels = CHUNK.min(depth - chunk);
            widen(rows, depth, chunk, channels, &mut widened);
            for (index, block_column) in weights.chunks_exact(BLOCK * depth).enumerate() {
                let blocks = &block_column[chunk * BLOCK..(chunk + channels) * BLOCK];
                for column in 0..BLOCK {
                    let sums = dot(blocks, column, &widened);
                    let at = tile * ROWS * width + index * BLOCK + column;
                    for (row, sum) in sums.into_iter().take(count).enumerate() {
                        let out = &mut out[at + row * width];
                        *out = if chunk == 0 {
                            sum
                        } else {
                            out.wrapping_add(sum)
                        };
                    }
                }
            }
        }
    }
}

/// Bytes 0 and 2 of a word as two 16-bit numbers.
#[inline(always)]
fn even_bytes(word: u32) -> u32 {
    let pair: u32;
    // SAFETY: reads and writes registers only.
    unsafe { asm!("sxtb16 {}, {}", out(reg) pair, in(reg) word, options(pure, nomem, nostack)) };
    pair
}

/// Widens a chunk of up to four rows; rows that are not there count as they were before.
fn widen(rows: &[i8], depth: usize, first: usize, channels: usize, out: &mut Widened) {
    for (index, row) in rows.chunks_exact(depth).enumerate() {
        let inputs = row[first..first + channels].chunks_exact(4);
        let pairs = out.chunks_exact_mut(2 * ROWS);
        for (four, pairs) in inputs.zip(pairs) {
            let bytes = [four[0] as u8, four[1] as u8, four[2] as u8, four[3] as u8];
            let word = u32::from_le_bytes(bytes);
            pairs[2 * index] = even_bytes(word);
            pairs[2 * index + 1] = even_bytes(word.rotate_right(8));
        }
    }
}

/// Dot products of four widened rows with one column of consecutive blocks.
// Inlined, the columns' loop unrolls into tens of copies.
#[inline(never)]
fn dot(blocks: &[i8], column: usize, widened: &Widened) -> [i32; ROWS] {
    let steps = blocks.len() / BLOCK_BYTES;
    assert!(column < BLOCK && steps > 0 && steps * BLOCK <= CHUNK);
    let (mut s0, mut s1, mut s2, mut s3) = (0, 0, 0, 0);
    // SAFETY: a step reads the 16 weights of `column` in one block of 256 bytes, all within
    // `blocks` as the column is below 16, and 32 words of `widened`, which has 32 for each of its
    // at most 8 steps. r6 and r7 may not be operands; they are saved and restored. Flags and the
    // other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            // Four channels a round; after the fourth, on to the next block.
            ".irp next, 4, 4, 4, 244",
            "ldr r3, [r0], #\\next",
            "ldm r1!, {{r4, r5, r6, r7}}",
            "sxtb16 r12, r3",
            "sxtb16 r3, r3, ror #8",
            "smlad r8, r4, r12, r8",
            "smlad r8, r5, r3, r8",
            "smlad r9, r6, r12, r9",
            "smlad r9, r7, r3, r9",
            "ldm r1!, {{r4, r5, r6, r7}}",
            "smlad r10, r4, r12, r10",
            "smlad r10, r5, r3, r10",
            "smlad r11, r6, r12, r11",
            "smlad r11, r7, r3, r11",
            ".endr",
            "subs r2, r2, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") blocks.as_ptr().add(column * BLOCK) => _,
            inout("r1") widened.as_ptr() => _,
            inout("r2") steps => _,
            inout("r8") s0,
            inout("r9") s1,
            inout("r10") s2,
            inout("r11") s3,
            out("r3") _,
            out("r4") _,
            out("r5") _,
            out("r12") _,
        );
    }
    [s0, s1, s2, s3]
}
