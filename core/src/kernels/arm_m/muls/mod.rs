//! Cortex-M0, M0+ and M23: `MULS` gives 32 bits of a product, and only eight registers can be
//! multiplied.

mod product;

use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::requantize_rows;
use crate::kernels::{Activations, Kernels, portable};

/// The set, where this machine has it.
pub struct Muls;

impl Kernels for Muls {
    fn name(&self) -> &'static str {
        "muls"
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
        requantize_rows(out, out_width, layer, first, input.rows);
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        portable::expand(nibbles, multipliers, out);
    }
}
