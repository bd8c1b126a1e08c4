//! Matrix products, and dense layers made of them.

use crate::blob::{Format, Linear, Matrix};
use crate::fixed::{FixedMultiplier, mul_q31};
use crate::kernels::{Activations, RowScale};
use crate::shape::BLOCK;

/// Bytes of a 16 x 16 block.
pub const BLOCK_BYTES: usize = BLOCK * BLOCK;

/// Dot products of one row with the 16 columns of a block column.
fn dot_block(row: &[i8], block_column: &[i8]) -> [i32; BLOCK] {
    let mut sums = [0i32; BLOCK];
    let steps = row
        .chunks_exact(BLOCK)
        .zip(block_column.chunks_exact(BLOCK_BYTES));
    for (inputs, block) in steps {
        for (sum, weights) in sums.iter_mut().zip(block.chunks_exact(BLOCK)) {
            let products = inputs
                .iter()
                .zip(weights)
                .map(|(&x, &w)| x as i32 * w as i32);
            *sum = sum.wrapping_add(products.sum());
        }
    }
    sums
}

/// The same of a block column in [`Format::Vnni4`].
fn dot_fours(row: &[i8], block_column: &[i8]) -> [i32; BLOCK] {
    let mut sums = [0i32; BLOCK];
    let steps = row
        .chunks_exact(4)
        .zip(block_column.chunks_exact(4 * BLOCK));
    for (inputs, fours) in steps {
        for (sum, weights) in sums.iter_mut().zip(fours.chunks_exact(4)) {
            let products = inputs
                .iter()
                .zip(weights)
                .map(|(&x, &w)| x as i32 * (w as u8 as i32 - 128));
            *sum = sum.wrapping_add(products.sum());
        }
    }
    sums
}

/// Calls `each(row, column, sums)` for every row and block of columns in `first..first + width`.
fn for_blocks(
    a: &[i8],
    b: &Matrix<'_>,
    first: usize,
    width: usize,
    mut each: impl FnMut(usize, usize, [i32; BLOCK]),
) {
    let dot = match b.format {
        Format::Vnni4 if cfg!(target_arch = "x86_64") => dot_fours,
        _ => dot_block,
    };
    let block_columns = b.data.chunks_exact((b.depth * BLOCK).max(1));
    let wanted = block_columns.skip(first / BLOCK).take(width / BLOCK);
    for (index, block_column) in wanted.enumerate() {
        for (row, inputs) in a.chunks_exact(b.depth.max(1)).enumerate() {
            each(row, index * BLOCK, dot(inputs, block_column));
        }
    }
}

pub fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    for_blocks(a, b, 0, out_width, |row, column, sums| {
        let start = row * out_width + column;
        if let Some(out) = out.get_mut(start..start + BLOCK) {
            out.copy_from_slice(&sums);
        }
    });
}

/// Left shift that no dot product of `depth` int8 pairs overflows:
/// with a zero point, an input spans at most 255 steps, a weight 127.
pub fn accumulator_shift(depth: usize) -> u32 {
    (255 * 127 * depth as u32).leading_zeros().saturating_sub(1)
}

/// The factor of a row of the given scale for `layer`.
pub fn row_factor(scale: f32, layer: &Linear<'_>) -> FixedMultiplier {
    let shift = accumulator_shift(layer.weights.depth);
    FixedMultiplier::new(scale * layer.scale / (1u32 << shift) as f32)
}

pub fn linear(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    for_blocks(
        input.values,
        &layer.weights,
        first,
        out_width,
        |row, column, sums| {
            let start = row * out_width + column;
            if let (Some(scale), Some(out)) =
                (input.rows.get(row), out.get_mut(start..start + BLOCK))
            {
                out.copy_from_slice(&sums);
                requantize(out, layer, first + column, scale);
            }
        },
    );
}

/// A row's dot products with columns `first..`, in place, to units of the layer's `unit`.
pub fn requantize(row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
    let shift = accumulator_shift(layer.weights.depth);
    let factor = row_factor(scale.scale, layer);
    let channels = first..first + row.len();
    let (Some(multipliers), Some(column_sums), Some(biases)) = (
        layer.multipliers.get(channels.clone()),
        layer.column_sums.get(channels.clone()),
        layer.biases.get(channels),
    ) else {
        return;
    };
    let constants = multipliers.iter().zip(column_sums).zip(biases);
    for (out, ((&multiplier, &column_sum), &bias)) in row.iter_mut().zip(constants) {
        let correction = scale.zero_point.wrapping_mul(column_sum);
        let sum = out.wrapping_sub(correction).wrapping_shl(shift);
        let scaled = factor.apply(mul_q31(sum, multiplier));
        *out = scaled.wrapping_add(bias);
    }
}

/// [`requantize`] of all rows, from column `first` of the layer on.
pub fn requantize_rows(
    out: &mut [i32],
    out_width: usize,
    layer: &Linear<'_>,
    first: usize,
    scales: &[RowScale],
) {
    for (out, scale) in out.chunks_exact_mut(out_width.max(1)).zip(scales) {
        requantize(out, layer, first, scale);
    }
}
