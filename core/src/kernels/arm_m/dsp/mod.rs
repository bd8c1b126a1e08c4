//! Cortex-M4, M7 and M33: the DSP extension's products of 16-bit pairs, packed arithmetic on
//! halves and bytes, and `SMMUL`, the upper half of a product.

mod matmul;
mod softmax;

use crate::blob::{Linear, Matrix};
use crate::kernels::{Activations, Kernels, SoftmaxScales};

/// The set, where this machine has it.
pub struct Dsp;

impl Kernels for Dsp {
    fn name(&self) -> &'static str {
        "dsp"
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        matmul::matmul(a, b, out, out_width);
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        matmul::linear(input, layer, first, out, out_width);
    }
    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        softmax::softmax(scores, scales, out)
    }
}
