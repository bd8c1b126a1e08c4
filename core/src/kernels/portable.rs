//! Plain Rust for cores without vectors: a tile of rows and columns in registers.
//!
//! A row by a column, as the definition has it, loads two numbers for each product; a tile loads
//! `ROWS + COLUMNS` for `ROWS * COLUMNS` of them. (Where compilers vectorize, the definition is
//! what they vectorize best.)

use super::scalar::{BLOCK_BYTES, requantize_rows};
use super::{Activations, Kernels};
use crate::blob::{Linear, Matrix};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::Format;
    use crate::kernels::scalar;

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
}
