//! WebAssembly kernels with 128-bit vectors, chosen when the module is built: with
//! `-C target-feature=+simd128`.

mod product;
mod rows;
mod softmax;
mod vector;

use super::{Activations, HiddenRow, Kernels, SoftmaxScales};
use crate::blob::{Linear, Matrix};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::shape::Activation;

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

    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        softmax::softmax(scores, scales, out)
    }

    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        rows::activate(kind, fraction_bits, input, out);
    }

    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        rows::normalize(row, hidden, gains, epsilon);
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        rows::expand(nibbles, multipliers, out);
    }

    fn add_hidden(
        &self,
        row: &HiddenRow<'_>,
        restore: &[i32],
        factor: FixedMultiplier,
        sums: &mut [i32],
    ) {
        rows::add_hidden(row, restore, factor, sums);
    }

    fn quantize_hidden(
        &self,
        row: &[i32],
        narrow: Requantizer,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        rows::quantize_hidden(row, narrow, zero_point, high, low);
    }

    fn quantize(&self, row: &[i32], narrow: Requantizer, out: &mut [i8]) {
        rows::quantize(row, narrow, out);
    }

    fn quantize_activated(
        &self,
        row: &[i16],
        narrow: Requantizer,
        zero_point: i32,
        out: &mut [i8],
    ) {
        rows::quantize_activated(row, narrow, zero_point, out);
    }

    fn scale_down(&self, row: &[i8], ratio: i16, out: &mut [i8]) {
        rows::scale_down(row, ratio, out);
    }

    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        rows::range_activated(row)
    }
}
