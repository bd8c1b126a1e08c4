//! The arithmetic of the encoder, one operation at a time, with an implementation per
//! instruction set.
//!
//! [`scalar`] defines every operation; all others give the same bits, for any input. Rows are whole
//! blocks of 16 channels, so only the number of tokens has tails.
//!
//! [`Kernels`] is the contract, [`InstructionSet`] the choice: made when firmware is built, and at
//! run time on hosts.

#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
#[allow(unsafe_code)]
mod aarch64;
#[cfg(any(embert_dsp, embert_helium, embert_mla, embert_muls))]
#[allow(unsafe_code)]
mod arm_m;
#[cfg(any(
    target_arch = "arm",
    target_arch = "riscv32",
    target_arch = "riscv64",
    test
))]
mod portable;
#[cfg(all(
    any(target_arch = "riscv32", target_arch = "riscv64"),
    target_feature = "m"
))]
#[allow(unsafe_code)]
mod riscv;
pub mod scalar;
mod set;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[allow(unsafe_code)]
mod wasm32;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86_64;

pub use set::InstructionSet;

use crate::blob::{Linear, Matrix};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::shape::Activation;

/// Scale and zero point of a row of int8 activations: `value = scale * (q - zero_point)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct RowScale {
    pub scale: f32,
    pub zero_point: i32,
}

/// Rows of int8 activations, `width` channels each, without gaps.
#[derive(Clone, Copy, Debug)]
pub struct Activations<'a> {
    pub values: &'a [i8],
    pub width: usize,
    pub rows: &'a [RowScale],
}

/// Where quantized heads go, and what one step of each row of theirs stands for.
#[derive(Debug)]
pub struct Heads<'a> {
    pub heads: usize,
    /// `[heads x capacity x width]`.
    pub values: &'a mut [i8],
    /// `[heads x capacity]`.
    pub scales: &'a mut [f32],
    /// Rows there is room for in each head.
    pub capacity: usize,
    /// What one step of the sums stands for.
    pub unit: f32,
}

/// A row of hidden states in 12 bits: `12-bit value = 16 * high + nibble - 8`.
///
/// `high` alone is the int8 input of the next matrix; the nibbles serve the residual. In each
/// block of 16 channels, byte `i` of the 8 low bytes holds channel `i` in its low half and
/// channel `i + 8` in its high half.
#[derive(Clone, Copy, Debug)]
pub struct HiddenRow<'a> {
    pub high: &'a [i8],
    pub low: &'a [u8],
    pub scale: RowScale,
}

/// What [`Kernels::softmax`] weighs scores with.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxScales<'a> {
    /// Left shift that fills 31 bits with a raw score.
    pub shift: u32,
    /// Each key's scale relative to the largest, below 2^30.
    pub keys: &'a [i32],
    /// From shifted and scaled scores to base-2 exponents with 11 fraction bits.
    pub exponent: FixedMultiplier,
    /// Each value's scale relative to the largest, at most [`VALUE_SCALE_ONE`].
    pub values: &'a [i16],
}

/// The relative value scale of one: 255/256 in Q15, so that a weight rounds to 8 bits at most.
pub const VALUE_SCALE_ONE: i16 = 32640;

/// The operations of the encoder.
///
/// Each does what [`scalar`] says, bit for bit; what a set has no better way for is left to it.
/// Slices that are shorter than an operation needs give wrong numbers, never a fault.
pub trait Kernels: Sync {
    /// The set's name: what [`InstructionSet::named`] knows it by.
    fn name(&self) -> &'static str;

    /// Whether this machine has the instructions.
    fn is_available(&self) -> bool {
        true
    }

    /// `out[i][j] = sum_k a[i][k] * b[j][k]`, all rows of `a`, columns `0..out_width` of `b`.
    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        scalar::matmul(a, b, out, out_width);
    }

    /// A dense layer for columns `first..first + out_width`, in units of the layer's `unit`;
    /// `out` has `input.rows.len()` rows of `out_width`, a multiple of 16.
    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        scalar::linear(input, layer, first, out, out_width);
    }

    /// A row's dot products with columns `first..` of a layer, in place, to units of its `unit`: what
    /// [`linear`](Self::linear) ends with.
    fn requantize(&self, row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
        scalar::requantize(row, layer, first, scale);
    }

    /// Attention weights of one query from its raw scores, in 8 bits less 128; returns the sum
    /// of the exponentials (the largest is 32767). What it leaves of the scores is its own.
    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        scalar::softmax(scores, scales, out)
    }

    /// The activation function on numbers with `fraction_bits`, which saturate to 16 bits.
    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        scalar::activate(kind, fraction_bits, input, out);
    }

    /// LayerNorm without shift, in place, over the first `hidden` channels; the others are zero.
    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        scalar::normalize(row, hidden, gains, epsilon);
    }

    /// int8 weights of nibbles: `(n - 8) * m`, with a byte of multipliers for each pair of groups
    /// ([`blob`](crate::blob)); 32 of `out` for each of `multipliers`.
    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        scalar::expand(nibbles, multipliers, out);
    }

    /// Adds a row of an embedding table, times its multiplier, to `sums`.
    fn add_embedding(&self, row: &[i8], multiplier: u16, sums: &mut [i32]) {
        scalar::add_embedding(row, multiplier, sums);
    }

    /// Adds a hidden row, each channel times its `restore` multiplier, to `sums`.
    fn add_hidden(
        &self,
        row: &HiddenRow<'_>,
        restore: &[i32],
        factor: FixedMultiplier,
        sums: &mut [i32],
    ) {
        scalar::add_hidden(row, restore, factor, sums);
    }

    /// Writes a hidden row: 12-bit numbers `narrow(v) + 16 * zero_point`.
    fn quantize_hidden(
        &self,
        row: &[i32],
        narrow: Requantizer,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        scalar::quantize_hidden(row, narrow, zero_point, high, low);
    }

    /// int8 numbers `narrow(v)`, saturated to -128..=127.
    fn quantize(&self, row: &[i32], narrow: Requantizer, out: &mut [i8]) {
        scalar::quantize(row, narrow, 0, out);
    }

    /// Quantizes each head of each row by itself, the largest number at 127: `sums` is
    /// `[rows x heads x width]`.
    fn quantize_heads(&self, sums: &[i32], width: usize, out: Heads<'_>) {
        scalar::quantize_heads(sums, width, out, |sums, out| {
            let largest = self.max_abs(sums);
            self.quantize(sums, scalar::symmetric(largest), out);
            largest
        });
    }

    /// int8 numbers `narrow(v) + zero_point` of activated ones, saturated to -128..=127.
    fn quantize_activated(
        &self,
        row: &[i16],
        narrow: Requantizer,
        zero_point: i32,
        out: &mut [i8],
    ) {
        scalar::quantize(row, narrow, zero_point, out);
    }

    /// int8 numbers times `ratio` in Q15.
    fn scale_down(&self, row: &[i8], ratio: i16, out: &mut [i8]) {
        scalar::scale_down(row, ratio, out);
    }

    /// The least and the greatest of a row and zero.
    fn range(&self, row: &[i32]) -> (i32, i32) {
        scalar::range(row)
    }

    /// The same of an activated row.
    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        scalar::range(row)
    }

    /// The largest magnitude of a row.
    fn max_abs(&self, row: &[i32]) -> u32 {
        scalar::max_abs(row)
    }

    /// Packs rows of values, `sums.len()` channels each, as columns `first..` of the matrix
    /// `[channels x depth]`, and adds them to each channel's sum.
    fn pack_values(
        &self,
        rows: &[i8],
        first: usize,
        depth: usize,
        out: &mut [i8],
        sums: &mut [i32],
    ) {
        scalar::pack_values(rows, first, depth, out, sums);
    }
}
