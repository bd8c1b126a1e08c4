//! Cortex-M3, and whatever else has `MLA` but no DSP: a multiply-accumulate is an instruction, so
//! all that can be saved are loads, shifts and comparisons.

mod activate;
mod product;
mod quantize;

use super::words;
use crate::blob::{Linear, Matrix};
use crate::fixed::Requantizer;
use crate::kernels::scalar::requantize_rows;
use crate::kernels::{Activations, Kernels, portable};
use crate::shape::Activation;

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
        requantize_rows(out, out_width, layer, first, input.rows);
    }

    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        activate::activate(kind, fraction_bits, input, out);
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        portable::expand(nibbles, multipliers, out);
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

    fn max_abs(&self, row: &[i32]) -> u32 {
        words::max_abs(row)
    }
}
