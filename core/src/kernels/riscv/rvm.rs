//! RISC-V without vectors: a byte is loaded, multiplied and added by an instruction each, so all
//! that can be saved are loads.
//!
//! Four rows by four columns: 8 loads for 16 multiply-accumulates, 40 instructions. Compilers
//! order such a tile so that its sums do not fit the registers; by hand, they do, exactly.

use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::{BLOCK_BYTES, requantize_rows};
use crate::kernels::{Activations, Kernels, portable};
use crate::shape::BLOCK;
use core::arch::asm;

/// Rows and columns computed together.
const ROWS: usize = 4;
const COLUMNS: usize = 4;
/// Input channels interleaved at a time: 512 bytes of stack.
const CHUNK: usize = 128;

/// A chunk of four rows, channel by channel: one pointer reaches them all.
type Interleaved = [[i8; ROWS]; CHUNK];

/// The set, where this machine has it.
pub struct Rvm;

impl Kernels for Rvm {
    fn name(&self) -> &'static str {
        "rvm"
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        product(a, b, 0, out, out_width);
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        product(input.values, &layer.weights, first, out, out_width);
        requantize_rows(out, out_width, layer, first, input.rows);
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        portable::expand(nibbles, multipliers, out);
    }
}

/// Dot products of all rows of `a` with columns `first..first + width` of `b`.
fn product(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) {
    let depth = b.depth.max(1);
    let weights = b.data.get(first * b.depth..).unwrap_or_default();
    let tiles = a.chunks_exact(ROWS * depth);
    let rest = tiles.remainder();
    // There may be room for more rows than there are.
    let whole = (tiles.len() * ROWS * width).min(out.len());
    let (out, rest_out) = out.split_at_mut(whole);
    for (rows, out) in tiles.zip(out.chunks_exact_mut(ROWS * width.max(1))) {
        out.fill(0);
        for chunk in (0..depth).step_by(CHUNK) {
            let channels = CHUNK.min(depth - chunk);
            let inputs = interleave(rows, depth, chunk, channels);
            let block_columns = weights.chunks_exact(BLOCK * depth).take(width / BLOCK);
            for (index, block_column) in block_columns.enumerate() {
                let blocks = &block_column[chunk * BLOCK..(chunk + channels) * BLOCK];
                for column in (0..BLOCK).step_by(COLUMNS) {
                    let at = index * BLOCK + column;
                    let sums = dot(&inputs, blocks, column);
                    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(width)) {
                        for (sum, out) in sums.iter().zip(&mut out[at..at + COLUMNS]) {
                            *out = out.wrapping_add(*sum);
                        }
                    }
                }
            }
        }
    }
    // The rows that are left, one to three.
    portable::product(rest, b, first, rest_out, width);
}

fn interleave(rows: &[i8], depth: usize, first: usize, channels: usize) -> Interleaved {
    let mut out = [[0; ROWS]; CHUNK];
    let row = |index: usize| rows[index * depth + first..][..channels].iter();
    let upper = row(0).zip(row(1));
    let lower = row(2).zip(row(3));
    for (out, ((&a, &b), (&c, &d))) in out.iter_mut().zip(upper.zip(lower)) {
        *out = [a, b, c, d];
    }
    out
}

/// Dot products of four rows with columns `column..column + 4` of consecutive blocks.
#[inline(never)]
fn dot(inputs: &Interleaved, blocks: &[i8], column: usize) -> [[i32; COLUMNS]; ROWS] {
    let steps = blocks.len() / BLOCK_BYTES;
    assert!(column + COLUMNS <= BLOCK && steps > 0 && steps * BLOCK <= CHUNK);
    let mut sums = [[0i32; COLUMNS]; ROWS];
    let [
        [s00, s01, s02, s03],
        [s10, s11, s12, s13],
        [s20, s21, s22, s23],
        [s30, s31, s32, s33],
    ] = &mut sums;
    // SAFETY: a step reads 64 bytes of one block of 256, from the column's place in it, all within
    // `blocks` as the last column is below 16, and 64 bytes of `inputs`, which has as many for each
    // of its at most 8 steps. Everything written is declared.
    unsafe {
        asm!(
            "2:",
            ".irp k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
            "lb {x0}, 4 * \\k({inputs})",
            "lb {x1}, 4 * \\k + 1({inputs})",
            "lb {x2}, 4 * \\k + 2({inputs})",
            "lb {x3}, 4 * \\k + 3({inputs})",
            "lb {w}, \\k({weights})",
            "mul {p}, {x0}, {w}",
            "add {s00}, {s00}, {p}",
            "mul {p}, {x1}, {w}",
            "add {s10}, {s10}, {p}",
            "mul {p}, {x2}, {w}",
            "add {s20}, {s20}, {p}",
            "mul {p}, {x3}, {w}",
            "add {s30}, {s30}, {p}",
            "lb {w}, 16 + \\k({weights})",
            "mul {p}, {x0}, {w}",
            "add {s01}, {s01}, {p}",
            "mul {p}, {x1}, {w}",
            "add {s11}, {s11}, {p}",
            "mul {p}, {x2}, {w}",
            "add {s21}, {s21}, {p}",
            "mul {p}, {x3}, {w}",
            "add {s31}, {s31}, {p}",
            "lb {w}, 32 + \\k({weights})",
            "mul {p}, {x0}, {w}",
            "add {s02}, {s02}, {p}",
            "mul {p}, {x1}, {w}",
            "add {s12}, {s12}, {p}",
            "mul {p}, {x2}, {w}",
            "add {s22}, {s22}, {p}",
            "mul {p}, {x3}, {w}",
            "add {s32}, {s32}, {p}",
            "lb {w}, 48 + \\k({weights})",
            "mul {p}, {x0}, {w}",
            "add {s03}, {s03}, {p}",
            "mul {p}, {x1}, {w}",
            "add {s13}, {s13}, {p}",
            "mul {p}, {x2}, {w}",
            "add {s23}, {s23}, {p}",
            "mul {p}, {x3}, {w}",
            "add {s33}, {s33}, {p}",
            ".endr",
            "addi {inputs}, {inputs}, 64",
            "addi {weights}, {weights}, 256",
            "addi {steps}, {steps}, -1",
            "bnez {steps}, 2b",
            inputs = inout(reg) inputs.as_ptr() => _,
            weights = inout(reg) blocks.as_ptr().add(column * BLOCK) => _,
            steps = inout(reg) steps => _,
            x0 = out(reg) _,
            x1 = out(reg) _,
            x2 = out(reg) _,
            x3 = out(reg) _,
            w = out(reg) _,
            p = out(reg) _,
            s00 = inout(reg) *s00,
            s01 = inout(reg) *s01,
            s02 = inout(reg) *s02,
            s03 = inout(reg) *s03,
            s10 = inout(reg) *s10,
            s11 = inout(reg) *s11,
            s12 = inout(reg) *s12,
            s13 = inout(reg) *s13,
            s20 = inout(reg) *s20,
            s21 = inout(reg) *s21,
            s22 = inout(reg) *s22,
            s23 = inout(reg) *s23,
            s30 = inout(reg) *s30,
            s31 = inout(reg) *s31,
            s32 = inout(reg) *s32,
            s33 = inout(reg) *s33,
            options(readonly, nostack),
        );
    }
    sums
}
