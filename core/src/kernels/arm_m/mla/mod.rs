//! Cortex-M3, and whatever else has `MLA` but no DSP: a multiply-accumulate is an instruction, so
//! all that can be saved are loads, shifts and comparisons.

mod product;

use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::requantize;
use crate::kernels::{Activations, Kernels};

/// The set, where this machine has it.
pub struct Mla;

impl Kernels for Mla {
    fn name(&self) -> &'static str {
        "mla"
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        product::product(a, b, 0, out, out_width);
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        product::product(input.values, &layer.weights, first, out, out_width);
        for (out, scale) in out.chunks_exact_mut(out_width.max(1)).zip(input.rows) {
            requantize(out, layer, first, scale);
        }
    }
}
