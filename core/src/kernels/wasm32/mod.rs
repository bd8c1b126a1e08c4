//! WebAssembly kernels with 128-bit vectors, chosen when the module is built.

mod product;
mod vector;

use super::{Activations, Kernels};
use crate::blob::{Linear, Matrix};

/// The set, where the engine has vectors.
pub struct Simd128;

impl Kernels for Simd128 {
    fn name(&self) -> &'static str {
        "simd128"
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        product::matmul(a, b, out, out_width);
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        product::linear(input, layer, first, out, out_width);
    }
}
