//! RISC-V's vectors, V 1.0, of whatever length the machine has: `vsetvli` tells it.
//!
//! In the assembler code here, all operands are in `a` and `s` registers and may be overwritten,
//! as `clobber_abi("C")` says; `t` and vector registers hold what is computed. Rounding shifts
//! (`vssra`, `vnclip`) and `vsmul` round half up, once `vxrm` is zero.

mod activation;
mod product;
mod residual;
mod rows;
mod softmax;

use crate::blob::{Linear, Matrix};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{Activations, HiddenRow, Kernels, RowScale, SoftmaxScales};
use crate::shape::Activation;

/// The set, where this machine has it.
pub struct Rvv;

impl Kernels for Rvv {
    fn name(&self) -> &'static str {
        "rvv"
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

    fn requantize(&self, row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
        product::requantize(row, layer, first, scale);
    }

    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        softmax::softmax(scores, scales, out)
    }

    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        activation::activate(kind, fraction_bits, input, out);
    }

    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        residual::normalize(row, hidden, gains, epsilon);
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        rows::expand(nibbles, multipliers, out);
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
        residual::add_hidden(row, restore, factor, sums);
    }

    fn quantize_hidden(
        &self,
        row: &[i32],
        narrow: Requantizer,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        residual::quantize_hidden(row, narrow, zero_point, high, low);
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

    fn range(&self, row: &[i32]) -> (i32, i32) {
        rows::range(row)
    }

    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        rows::range_activated(row)
    }

    fn max_abs(&self, row: &[i32]) -> u32 {
        let (low, high) = rows::range(row);
        low.unsigned_abs().max(high.unsigned_abs())
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
