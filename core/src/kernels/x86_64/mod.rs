//! x86-64 kernels, chosen at run time.

pub mod avx2;
pub mod avx512;

use super::Activations;
use crate::blob::{Linear, Matrix};
use crate::fixed::Factor;
use crate::shape::BLOCK;

/// Bytes of a 16 x 16 block.
const BLOCK_BYTES: usize = BLOCK * BLOCK;

/// What to do with the dot products of a row with 16 columns.
#[derive(Clone, Copy)]
enum Finish<'a> {
    /// Store them.
    Raw,
    /// Requantize them: see [`super::scalar::linear`].
    Requantize {
        layer: &'a Linear<'a>,
        rows: &'a [super::RowScale],
        first: usize,
    },
}

/// Whether all slices are as long as the product needs; the kernels index without checks.
fn fits(a: &[i8], b: &Matrix<'_>, first: usize, out: &[i32], out_width: usize) -> bool {
    let rows = a.len().checked_div(b.depth).unwrap_or(0);
    b.depth.is_multiple_of(BLOCK)
        && first.is_multiple_of(BLOCK)
        && out_width.is_multiple_of(BLOCK)
        && first + out_width <= b.columns
        && b.data.len() >= b.columns * b.depth
        && out.len() >= rows * out_width
}

/// Likewise for a dense layer.
fn linear_fits(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &[i32],
    out_width: usize,
) -> bool {
    let columns = layer.weights.columns;
    fits(input.values, &layer.weights, first, out, out_width)
        && input.values.len() == input.rows.len() * layer.weights.depth
        && layer.multipliers.len() >= columns
        && layer.column_sums.len() >= columns
        && layer.biases.len() >= columns
}

/// A row's factor as the vector code wants it.
#[derive(Clone, Copy)]
struct RowFactor {
    multiplier: i32,
    shift: u32,
    rounding: i32,
}

impl From<Factor> for RowFactor {
    fn from(factor: Factor) -> Self {
        RowFactor {
            multiplier: factor.multiplier,
            shift: factor.shift,
            rounding: ((1u32 << factor.shift) >> 1) as i32,
        }
    }
}
