//! The arithmetic of the encoder, one operation at a time, with an implementation per
//! instruction set.
//!
//! [`scalar`] defines every operation; all others give the same bits, for any input. (Sets whose
//! instructions want unsigned inputs rely on a layer's column sums being those of its weights,
//! which a blob's checksum vouches for.) Rows are whole blocks of 16 channels, so only the number
//! of tokens has tails.

#[cfg(any(embert_dsp, embert_helium))]
#[allow(unsafe_code)]
mod arm_m;
pub mod scalar;
#[cfg(all(test, feature = "std"))]
mod tests;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86_64;

use crate::blob::{Linear, Matrix};
use crate::fixed::{Factor, Narrow};
use crate::shape::Activation;

/// The code that runs the kernels: only sets that this machine has can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionSet(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scalar,
    #[cfg(embert_dsp)]
    Dsp,
    #[cfg(embert_helium)]
    Helium,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

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

/// What [`InstructionSet::softmax`] weighs scores with.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxScales<'a> {
    /// Left shift that fills 31 bits with a raw score.
    pub shift: u32,
    /// Each key's scale relative to the largest, below 2^30.
    pub keys: &'a [i32],
    /// From shifted and scaled scores to base-2 exponents with 11 fraction bits.
    pub exponent: Factor,
    /// Each value's scale relative to the largest, at most [`VALUE_SCALE_ONE`].
    pub values: &'a [i16],
}

/// The relative value scale of one: 255/256 in Q15, so that a weight rounds to 8 bits at most.
pub const VALUE_SCALE_ONE: i16 = 32640;

/// Every set of this architecture, the slowest first.
const KINDS: &[Kind] = &[
    Kind::Scalar,
    #[cfg(embert_dsp)]
    Kind::Dsp,
    #[cfg(embert_helium)]
    Kind::Helium,
    #[cfg(target_arch = "x86_64")]
    Kind::Avx2,
    #[cfg(target_arch = "x86_64")]
    Kind::Avx512,
];

impl Kind {
    /// Whether this machine has the instructions; without `std` nothing can be asked.
    fn is_available(self) -> bool {
        match self {
            Kind::Scalar => true,
            #[cfg(embert_dsp)]
            Kind::Dsp => true,
            #[cfg(embert_helium)]
            Kind::Helium => true,
            #[cfg(all(target_arch = "x86_64", feature = "std"))]
            Kind::Avx2 => std::is_x86_feature_detected!("avx2"),
            #[cfg(all(target_arch = "x86_64", feature = "std"))]
            Kind::Avx512 => {
                std::is_x86_feature_detected!("avx512f")
                    && std::is_x86_feature_detected!("avx512bw")
                    && std::is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(all(target_arch = "x86_64", not(feature = "std")))]
            Kind::Avx2 | Kind::Avx512 => false,
        }
    }
}

impl InstructionSet {
    /// Plain Rust, on every machine.
    pub const SCALAR: Self = InstructionSet(Kind::Scalar);

    /// All that this machine has, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        KINDS
            .iter()
            .copied()
            .filter(|kind| kind.is_available())
            .map(InstructionSet)
    }

    /// The fastest this machine has.
    pub fn detect() -> Self {
        Self::available().last().unwrap_or(Self::SCALAR)
    }

    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(embert_dsp)]
            Kind::Dsp => "dsp",
            #[cfg(embert_helium)]
            Kind::Helium => "helium",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }

    /// `out[i][j] = sum_k a[i][k] * b[j][k]`, all rows of `a`, columns `0..out_width` of `b`.
    #[allow(unsafe_code)]
    pub fn matmul(self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        match self.0 {
            Kind::Scalar => scalar::matmul(a, b, out, out_width),
            #[cfg(embert_dsp)]
            Kind::Dsp => arm_m::dsp::matmul(a, b, out, out_width),
            #[cfg(embert_helium)]
            Kind::Helium => arm_m::helium::matmul(a, b, out, out_width),
            // SAFETY: a set is made only where the machine has its instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::avx2::matmul(a, b, out, out_width) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86_64::avx512::matmul(a, b, out, out_width) },
        }
    }

    /// A dense layer for columns `first..first + out_width`, in units of the layer's `unit`;
    /// `out` has `input.rows.len()` rows of `out_width`, a multiple of 16.
    #[allow(unsafe_code)]
    pub fn linear(
        self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        match self.0 {
            Kind::Scalar => scalar::linear(input, layer, first, out, out_width),
            #[cfg(embert_dsp)]
            Kind::Dsp => arm_m::dsp::linear(input, layer, first, out, out_width),
            #[cfg(embert_helium)]
            Kind::Helium => arm_m::helium::linear(input, layer, first, out, out_width),
            // SAFETY: a set is made only where the machine has its instructions.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { x86_64::avx2::linear(input, layer, first, out, out_width) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { x86_64::avx512::linear(input, layer, first, out, out_width) },
        }
    }

    /// Attention weights of one query from its raw scores, in 8 bits less 128; returns the sum
    /// of the exponentials (the largest is 32767).
    pub fn softmax(self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        scalar::softmax(scores, scales, out)
    }

    /// The activation function on numbers with `fraction_bits`, which saturate to 16 bits.
    pub fn activate(self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        scalar::activate(kind, fraction_bits, input, out);
    }

    /// LayerNorm without shift, in place, over the first `hidden` channels; the others are zero.
    pub fn normalize(self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        scalar::normalize(row, hidden, gains, epsilon);
    }

    /// Adds a hidden row, each channel times its `restore` multiplier, to `sums`.
    pub fn add_hidden(
        self,
        row: &HiddenRow<'_>,
        restore: &[i32],
        factor: Factor,
        sums: &mut [i32],
    ) {
        scalar::add_hidden(row, restore, factor, sums);
    }

    /// Writes a hidden row: 12-bit numbers `narrow(v) + 16 * zero_point`.
    pub fn quantize_hidden(
        self,
        row: &[i32],
        narrow: Narrow,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        scalar::quantize_hidden(row, narrow, zero_point, high, low);
    }

    /// int8 numbers `narrow(v) + zero_point`, saturated to -128..=127.
    pub fn quantize<T: Copy + Into<i32>>(
        self,
        row: &[T],
        narrow: Narrow,
        zero_point: i32,
        out: &mut [i8],
    ) {
        scalar::quantize(row, narrow, zero_point, out);
    }

    /// int8 numbers times `ratio` in Q15.
    pub fn scale_down(self, row: &[i8], ratio: i16, out: &mut [i8]) {
        scalar::scale_down(row, ratio, out);
    }

    /// The least and the greatest of a row and zero.
    pub fn range<T: Copy + Into<i32>>(self, row: &[T]) -> (i32, i32) {
        scalar::range(row)
    }
}
