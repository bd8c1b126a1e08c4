//! AVX2: `vpmaddwd` multiplies 16 pairs of 16-bit numbers and adds them in twos.
//!
//! A block's 16 input channels of one output channel are widened to 16 bits, as are a row's 16
//! inputs; products of bytes cannot overflow there, so the sums are exact.

use super::fits;
use super::old::*;
use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use crate::kernels::{Activations, Kernels};
use crate::shape::BLOCK;
use core::arch::x86_64::*;

/// Output channels computed together with up to three rows: 12 accumulators of 16 registers.
const COLUMNS: usize = 4;
const ROWS: usize = 3;

/// The set, where this machine has it.
pub struct Avx2;

impl Kernels for Avx2 {
    fn name(&self) -> &'static str {
        "avx2"
    }

    fn is_available(&self) -> bool {
        #[cfg(feature = "std")]
        return std::is_x86_feature_detected!("avx2");
        #[cfg(not(feature = "std"))]
        return cfg!(target_feature = "avx2");
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        // SAFETY: a set is only used where the machine has its instructions.
        unsafe { matmul(a, b, out, out_width) }
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
        unsafe { linear(input, layer, first, out, out_width) }
    }
}

#[target_feature(enable = "avx2")]
fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    if !fits(a, b, 0, out, out_width) {
        return scalar::matmul(a, b, out, out_width);
    }
    product(a, b, 0, out, out_width, Finish::Raw);
}

#[target_feature(enable = "avx2")]
fn linear(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    if !linear_fits(input, layer, first, out, out_width) {
        return scalar::linear(input, layer, first, out, out_width);
    }
    let finish = Finish::Requantize {
        layer,
        rows: input.rows,
        first,
    };
    product(input.values, &layer.weights, first, out, out_width, finish);
}

#[target_feature(enable = "avx2")]
fn product(
    a: &[i8],
    b: &Matrix<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
    finish: Finish<'_>,
) {
    let depth = b.depth;
    let rows = a.len() / depth;
    for column in (0..out_width).step_by(BLOCK) {
        let start = (first + column) * depth;
        let weights = &b.data[start..start + BLOCK * depth];
        let mut row = 0;
        while row < rows {
            let count = (rows - row).min(ROWS);
            let tile = &a[row * depth..(row + count) * depth];
            let out = &mut out[row * out_width + column..];
            match count {
                1 => store(
                    dot::<1>(tile, depth, weights),
                    row,
                    column,
                    out,
                    out_width,
                    finish,
                ),
                2 => store(
                    dot::<2>(tile, depth, weights),
                    row,
                    column,
                    out,
                    out_width,
                    finish,
                ),
                _ => store(
                    dot::<3>(tile, depth, weights),
                    row,
                    column,
                    out,
                    out_width,
                    finish,
                ),
            }
            row += count;
        }
    }
}

/// Dot products of `R` rows of `depth` inputs with the 16 columns of a block column.
#[inline]
#[target_feature(enable = "avx2")]
fn dot<const R: usize>(a: &[i8], depth: usize, weights: &[i8]) -> [[__m128i; 4]; R] {
    let steps = weights.len() / BLOCK_BYTES;
    assert!(a.len() >= R * depth && depth >= steps * BLOCK);
    let mut results = [[_mm_setzero_si128(); BLOCK / COLUMNS]; R];
    for group in 0..BLOCK / COLUMNS {
        let mut sums = [[_mm256_setzero_si256(); COLUMNS]; R];
        for step in 0..steps {
            let mut inputs = [_mm256_setzero_si256(); R];
            for (row, inputs) in inputs.iter_mut().enumerate() {
                // SAFETY: `row * depth + step * 16 + 16 <= R * depth <= a.len()` by the assertion.
                let bytes =
                    unsafe { _mm_loadu_si128(a.as_ptr().add(row * depth + step * BLOCK).cast()) };
                *inputs = _mm256_cvtepi8_epi16(bytes);
            }
            for column in 0..COLUMNS {
                let at = step * BLOCK_BYTES + (group * COLUMNS + column) * BLOCK;
                // SAFETY: `step < steps` and the column below 16: 16 bytes within `weights`.
                let bytes = unsafe { _mm_loadu_si128(weights.as_ptr().add(at).cast()) };
                let vector = _mm256_cvtepi8_epi16(bytes);
                for (sums, &inputs) in sums.iter_mut().zip(&inputs) {
                    let products = _mm256_madd_epi16(inputs, vector);
                    sums[column] = _mm256_add_epi32(sums[column], products);
                }
            }
        }
        for (result, [s0, s1, s2, s3]) in results.iter_mut().zip(sums) {
            let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(s0, s1), _mm256_hadd_epi32(s2, s3));
            let (low, high) = (
                _mm256_castsi256_si128(pairs),
                _mm256_extracti128_si256(pairs, 1),
            );
            result[group] = _mm_add_epi32(low, high);
        }
    }
    results
}

#[inline]
#[target_feature(enable = "avx2")]
fn store<const R: usize>(
    sums: [[__m128i; 4]; R],
    first_row: usize,
    column: usize,
    out: &mut [i32],
    out_width: usize,
    finish: Finish<'_>,
) {
    for (row, [a, b, c, d]) in sums.into_iter().enumerate() {
        let out = &mut out[row * out_width..row * out_width + BLOCK];
        for (half, sum) in [_mm256_set_m128i(b, a), _mm256_set_m128i(d, c)]
            .into_iter()
            .enumerate()
        {
            let result = match finish {
                Finish::Raw => sum,
                Finish::Requantize { layer, rows, first } => {
                    let scale = rows[first_row + row];
                    let factor = row_factor(scale.scale, layer).into();
                    requantize(
                        sum,
                        layer,
                        first + column + half * 8,
                        scale.zero_point,
                        factor,
                    )
                }
            };
            let out = &mut out[half * 8..half * 8 + 8];
            // SAFETY: `out` has 8 elements.
            unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), result) };
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(numbers: &[i32], start: usize) -> __m256i {
    let numbers = &numbers[start..start + 8];
    // SAFETY: `numbers` has 8 elements.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn requantize(
    sum: __m256i,
    layer: &Linear<'_>,
    first: usize,
    zero: i32,
    factor: RowFactor,
) -> __m256i {
    let shift = _mm_cvtsi32_si128(accumulator_shift(layer.weights.depth) as i32);
    let correction = _mm256_mullo_epi32(_mm256_set1_epi32(zero), load(layer.column_sums, first));
    let sum = _mm256_sll_epi32(_mm256_sub_epi32(sum, correction), shift);
    let scaled = mul_q31(sum, load(layer.multipliers, first));
    let scaled = mul_q31(scaled, _mm256_set1_epi32(factor.multiplier));
    let rounded = _mm256_add_epi32(scaled, _mm256_set1_epi32(factor.rounding));
    let result = _mm256_sra_epi32(rounded, _mm_cvtsi32_si128(factor.shift as i32));
    _mm256_add_epi32(result, load(layer.biases, first))
}

/// [`crate::fixed::mul_q31`] of 8 pairs: even and odd lanes apart, as 64-bit products.
#[inline]
#[target_feature(enable = "avx2")]
fn mul_q31(a: __m256i, b: __m256i) -> __m256i {
    let even = _mm256_mul_epi32(a, b);
    let odd = _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xaa)
}
