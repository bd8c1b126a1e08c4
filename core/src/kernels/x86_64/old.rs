use super::fits;
use crate::blob::{Linear, Matrix};
use crate::fixed::Factor;
use crate::kernels::Activations;
use crate::shape::BLOCK;

/// Bytes of a 16 x 16 block.
pub const BLOCK_BYTES: usize = BLOCK * BLOCK;

/// What to do with the dot products of a row with 16 columns.
#[derive(Clone, Copy)]
pub enum Finish<'a> {
    /// Store them.
    Raw,
    /// Requantize them: see [`crate::kernels::scalar::linear`].
    Requantize {
        layer: &'a Linear<'a>,
        rows: &'a [crate::kernels::RowScale],
        first: usize,
    },
}

/// Likewise for a dense layer.
pub fn linear_fits(
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
pub struct RowFactor {
    pub multiplier: i32,
    pub shift: u32,
    pub rounding: i32,
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
