//! Cortex-M4, M7 and M33: the DSP extension's products of 16-bit pairs, packed arithmetic on
//! halves and bytes, and `SMMUL`, the upper half of a product.

mod activate;
mod expand;
mod hidden;
mod matmul;
mod normalize;
mod quantize;
mod range;
mod softmax;
mod values;

use super::words;
use crate::blob::{Linear, Matrix};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{Activations, HiddenRow, Kernels, SoftmaxScales};
use crate::shape::Activation;

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
    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        activate::activate(kind, fraction_bits, input, out);
    }

    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        normalize::normalize(row, hidden, gains, epsilon);
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        expand::expand(nibbles, multipliers, out);
    }

    fn add_hidden(
        &self,
        row: &HiddenRow<'_>,
        restore: &[i32],
        factor: FixedMultiplier,
        sums: &mut [i32],
    ) {
        hidden::add_hidden(row, restore, factor, sums);
    }

    fn quantize_hidden(
        &self,
        row: &[i32],
        narrow: Requantizer,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        hidden::quantize_hidden(row, narrow, zero_point, high, low);
    }

    fn quantize(&self, row: &[i32], narrow: Requantizer, out: &mut [i8]) {
        words::quantize(row, narrow, out);
    }

    fn quantize_activated(
        &self,
        row: &[i16],
        narrow: Requantizer,
        zero_point: i32,
        out: &mut [i8],
    ) {
        quantize::quantize_activated(row, narrow, zero_point, out);
    }

    fn range(&self, row: &[i32]) -> (i32, i32) {
        words::range(row)
    }

    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        range::range_activated(row)
    }

    fn max_abs(&self, row: &[i32]) -> u32 {
        words::max_abs(row)
    }
    fn scale_down(&self, row: &[i8], ratio: i16, out: &mut [i8]) {
        values::scale_down(row, ratio, out);
    }

    fn pack_values(
        &self,
        rows: &[i8],
        first: usize,
        depth: usize,
        out: &mut [i8],
        sums: &mut [i32],
    ) {
        values::pack_values(rows, first, depth, out, sums);
    }
}
