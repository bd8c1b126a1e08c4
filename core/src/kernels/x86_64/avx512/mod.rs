//! AVX-512 with VNNI: `vpdpbusd` multiplies 64 bytes and adds them in fours.

mod attention;
mod narrow;
mod product;
mod residual;
mod vectors;

use super::expand::expand;
use super::product::{linear, matmul};
use crate::blob::{Linear, Matrix};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{Activations, Heads, HiddenRow, Kernels, SoftmaxScales, scalar};
use crate::shape::Activation;
use product::TILING;

/// The set, where this machine has it.
pub struct Avx512;

impl Kernels for Avx512 {
    fn name(&self) -> &'static str {
        "avx512"
    }

    fn is_available(&self) -> bool {
        #[cfg(feature = "std")]
        return std::is_x86_feature_detected!("avx512f")
            && std::is_x86_feature_detected!("avx512bw")
            && std::is_x86_feature_detected!("avx512vl")
            && std::is_x86_feature_detected!("avx512vnni");
        #[cfg(not(feature = "std"))]
        return cfg!(all(
            target_feature = "avx512bw",
            target_feature = "avx512vl",
            target_feature = "avx512vnni"
        ));
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        // SAFETY: a set is only used where the machine has its instructions.
        if !unsafe { matmul(&TILING, a, b, out, out_width) } {
            scalar::matmul(a, b, out, out_width);
        }
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        // SAFETY: a set is only used where the machine has its instructions.
        if !unsafe { linear(&TILING, input, layer, first, out, out_width) } {
            scalar::linear(input, layer, first, out, out_width);
        }
    }

    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { attention::softmax(scores, scales, out) }
    }

    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { narrow::activate(kind, fraction_bits, input, out) }
    }

    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { residual::normalize(row, hidden, gains, epsilon) }
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { expand(nibbles, multipliers, out) }
    }

    fn add_embedding(&self, row: &[i8], multiplier: u16, sums: &mut [i32]) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { residual::add_embedding(row, multiplier, sums) }
    }

    fn add_hidden(
        &self,
        row: &HiddenRow<'_>,
        restore: &[i32],
        factor: FixedMultiplier,
        sums: &mut [i32],
    ) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { residual::add_hidden(row, restore, factor, sums) }
    }

    fn quantize_hidden(
        &self,
        row: &[i32],
        narrow: Requantizer,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { residual::quantize_hidden(row, narrow, zero_point, high, low) }
    }

    fn quantize(&self, row: &[i32], narrow: Requantizer, out: &mut [i8]) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { narrow::quantize(row, narrow, out) }
    }

    fn quantize_heads(&self, sums: &[i32], width: usize, out: Heads<'_>) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { narrow::quantize_heads(sums, width, out) }
    }

    fn quantize_activated(
        &self,
        row: &[i16],
        narrow: Requantizer,
        zero_point: i32,
        out: &mut [i8],
    ) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { narrow::quantize_activated(row, narrow, zero_point, out) }
    }

    fn scale_down(&self, row: &[i8], ratio: i16, out: &mut [i8]) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { narrow::scale_down(row, ratio, out) }
    }

    fn range(&self, row: &[i32]) -> (i32, i32) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { narrow::range(row) }
    }

    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { narrow::range_activated(row) }
    }

    fn max_abs(&self, row: &[i32]) -> u32 {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { narrow::max_abs(row) }
    }

    fn pack_values(
        &self,
        rows: &[i8],
        first: usize,
        depth: usize,
        out: &mut [i8],
        sums: &mut [i32],
    ) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { attention::pack_values(rows, first, depth, out, sums) }
    }
}
