//! Plain Rust for cores without vectors: a tile of rows and columns in registers.
//!
//! A row by a column, as the definition has it, loads two numbers for each product; a tile loads
//! `ROWS + COLUMNS` for `ROWS * COLUMNS` of them. (Where compilers vectorize, the definition is
//! what they vectorize best.)

use super::scalar::{self, BLOCK_BYTES, requantize_rows};
use super::{Activations, Kernels};
use crate::blob::{Linear, Matrix, PAIR};
use crate::shape::BLOCK;

/// Rows and columns computed together: the most that compilers keep in registers, of which Thumb
/// has 13 to spare and RISC-V 28.
const ROWS: usize = 2;
const COLUMNS: usize = if cfg!(target_arch = "arm") { 2 } else { 4 };

/// The set, for every machine.
pub(super) struct Portable;

impl Kernels for Portable {
    fn name(&self) -> &'static str {
        "portable"
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
        expand(nibbles, multipliers, out);
    }
}

/// Dot products of all rows of `a` with columns `first..first + width` of `b`.
pub(super) fn product(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) {
    let (depth, width_or_one) = (b.depth.max(1), width.max(1));
    let weights = b.data.get(first * b.depth..).unwrap_or_default();
    let tiles = a
        .chunks(ROWS * depth)
        .zip(out.chunks_mut(ROWS * width_or_one));
    for (rows, out) in tiles {
        let block_columns = weights.chunks_exact(BLOCK * depth).take(width / BLOCK);
        for (index, block_column) in block_columns.enumerate() {
            for column in (0..BLOCK).step_by(COLUMNS) {
                let at = index * BLOCK + column;
                // The last row may be alone.
                match rows.split_at_checked(depth) {
                    Some((upper, lower)) if lower.len() == depth => {
                        let sums = dot([upper, lower], block_column, column);
                        store(sums, out, width, at);
                    }
                    _ => store(dot([rows], block_column, column), out, width, at),
                }
            }
        }
    }
}

/// Dot products of `R` rows with `COLUMNS` columns from `column` on.
#[inline(never)]
fn dot<const R: usize>(rows: [&[i8]; R], blocks: &[i8], column: usize) -> [[i32; COLUMNS]; R] {
    let mut sums = [[0i32; COLUMNS]; R];
    let mut rows = rows.map(|row| row.as_chunks::<BLOCK>().0.iter());
    // Of a loop whose length it knows, LLVM would unroll all, load first and spill.
    let steps = core::hint::black_box(BLOCK).min(BLOCK);
    for block in blocks.as_chunks::<BLOCK_BYTES>().0 {
        let mut inputs = [&[0; BLOCK]; R];
        for (inputs, row) in inputs.iter_mut().zip(&mut rows) {
            let Some(next) = row.next() else { return sums };
            *inputs = next;
        }
        let Some(weights) = block[column * BLOCK..].first_chunk::<{ COLUMNS * BLOCK }>() else {
            return sums;
        };
        for k in 0..steps {
            for (j, weights) in weights.as_chunks::<BLOCK>().0.iter().enumerate() {
                for (sums, inputs) in sums.iter_mut().zip(inputs) {
                    let product = inputs[k] as i32 * weights[k] as i32;
                    sums[j] = sums[j].wrapping_add(product);
                }
            }
        }
    }
    sums
}

/// Writes a tile's sums to its rows of `out`, from column `at` on.
fn store<const R: usize>(sums: [[i32; COLUMNS]; R], out: &mut [i32], width: usize, at: usize) {
    for (sums, out) in sums.iter().zip(out.chunks_exact_mut(width)) {
        if let Some(out) = out.get_mut(at..at + COLUMNS) {
            out.copy_from_slice(sums);
        }
    }
}

/// One in each byte of a word.
const ONES: u32 = 0x0101_0101;
/// Nibbles and weights in a word.
const LANES: usize = size_of::<u32>();

/// [`scalar::expand`], four weights of a word at a time, in whatever order its bytes are.
pub(super) fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    match (
        bytemuck::try_cast_slice(nibbles),
        bytemuck::try_cast_slice_mut(out),
    ) {
        (Ok(nibbles), Ok(out)) => expand_words(nibbles, multipliers, out),
        _ => scalar::expand(nibbles, multipliers, out),
    }
}

fn expand_words(nibbles: &[u32], multipliers: &[u8], out: &mut [u32]) {
    const GROUP: usize = BLOCK / LANES;
    let pairs = nibbles.as_chunks::<GROUP>().0.iter();
    let pairs = pairs.zip(out.as_chunks_mut::<{ PAIR / LANES }>().0);
    for ((nibbles, out), &m) in pairs.zip(multipliers) {
        let [low, high] = [m & 15, m >> 4].map(u32::from);
        // `n m + 128 - 8 m` is 8 to 233 and stays in its byte; 128 is then taken away.
        let bias = |m: u32| (16 - m) * (8 * ONES);
        let weights = |n: u32, m: u32, bias: u32| ((n & (15 * ONES)) * m + bias) ^ (128 * ONES);
        let [low_bias, high_bias] = [bias(low), bias(high)];
        for (i, &n) in nibbles.iter().enumerate() {
            out[i] = weights(n, low, low_bias);
            out[GROUP + i] = weights(n >> 4, high, high_bias);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Format;

    #[test]
    fn every_number_of_rows_as_scalar() {
        for (rows, depth, width) in [(1, 16, 16), (2, 32, 16), (5, 48, 32)] {
            let byte = |i: usize| (i * i * 31 + i * 7) as i8;
            let a: Vec<i8> = (0..rows * depth).map(byte).collect();
            let data: Vec<i8> = (0..width * depth).map(|i| byte(i + 5)).collect();
            let b = Matrix {
                data: &data,
                columns: width,
                depth,
                format: Format::Columns,
            };
            let (mut expected, mut found) = (vec![7; rows * width], vec![7; rows * width]);
            scalar::matmul(&a, &b, &mut expected, width);
            product(&a, &b, 0, &mut found, width);
            assert_eq!(expected, found, "{rows} rows");
        }
    }

    #[test]
    fn every_nibble_by_every_multiplier() {
        let nibbles: Vec<u32> = (0..256u32).flat_map(|n| [n * ONES; 4]).collect();
        for m in 0..=255 {
            let multipliers = [m; 256];
            let nibbles: &[i8] = bytemuck::cast_slice(&nibbles);
            let (mut expected, mut found) = (vec![7; 256 * PAIR], vec![7u32; 256 * PAIR / LANES]);
            scalar::expand(nibbles, &multipliers, &mut expected);
            expand(nibbles, &multipliers, bytemuck::cast_slice_mut(&mut found));
            assert_eq!(expected, bytemuck::cast_slice::<u32, i8>(&found), "{m}");
        }
    }
}
