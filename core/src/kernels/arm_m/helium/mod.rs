//! Cortex-M55 and M85 (Helium, MVE): vectors of 128 bits, and multiplications that add all their
//! products to a general-purpose register.
//!
//! Only integers: the float instructions flush denormals whatever `FPSCR` says. Rust has no
//! intrinsics for Helium, so each loop is a block of assembly. Those over rows use low-overhead
//! branches (`DLS`, `LE`), which take no counter's decrement.

mod activation;
mod expand;
mod matmul;
mod quantize;
mod requantize;
mod rows;
mod softmax;

use crate::blob::{Linear, Matrix};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{Activations, HiddenRow, Kernels, RowScale, SoftmaxScales};
use crate::shape::Activation;

/// The set, where this machine has it.
pub struct Helium;

impl Kernels for Helium {
    fn name(&self) -> &'static str {
        "helium"
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

    fn requantize(&self, row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
        requantize::requantize(row, layer, first, scale);
    }

    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        softmax::softmax(scores, scales, out)
    }

    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        activation::activate(kind, fraction_bits, input, out);
    }

    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        rows::normalize(row, hidden, gains, epsilon);
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        expand::expand(nibbles, multipliers, out);
    }

    fn add_embedding(&self, row: &[i8], multiplier: u16, sums: &mut [i32]) {
        rows::add_embedding(row, multiplier, sums);
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
        quantize::quantize_hidden(row, narrow, zero_point, high, low);
    }

    fn quantize(&self, row: &[i32], narrow: Requantizer, out: &mut [i8]) {
        quantize::quantize(row, narrow, out);
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

    fn scale_down(&self, row: &[i8], ratio: i16, out: &mut [i8]) {
        quantize::scale_down(row, ratio, out);
    }

    fn range(&self, row: &[i32]) -> (i32, i32) {
        rows::range(row)
    }

    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        rows::range_activated(row)
    }

    fn max_abs(&self, row: &[i32]) -> u32 {
        rows::max_abs(row)
    }

    fn pack_values(
        &self,
        rows: &[i8],
        first: usize,
        depth: usize,
        out: &mut [i8],
        sums: &mut [i32],
    ) {
        rows::pack_values(rows, first, depth, out, sums);
    }
}
