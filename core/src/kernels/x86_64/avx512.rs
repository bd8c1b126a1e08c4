//! AVX-512 with VNNI: `vpdpbusd` multiplies 64 bytes and adds them in fours.
//!
//! A vector of weights holds 16 input channels of 4 output channels, as they lie in the blob;
//! a row's 16 inputs are broadcast to match. The instruction takes unsigned inputs, so they are
//! offset by 128, and what that adds to every sum is taken off at the end.

use super::{BLOCK_BYTES, Finish, RowFactor, fits, linear_fits};
use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use crate::kernels::{Activations, Kernels};
use crate::shape::BLOCK;
use core::arch::x86_64::*;

/// Rows computed together: 6 x 4 accumulators, 4 weights and an input fill the 32 registers.
const ROWS: usize = 6;

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
            && std::is_x86_feature_detected!("avx512vnni");
        #[cfg(not(feature = "std"))]
        return cfg!(target_feature = "avx512vnni");
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    if !fits(a, b, 0, out, out_width) {
        return scalar::matmul(a, b, out, out_width);
    }
    product(a, b, 0, out, out_width, Finish::Raw);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
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
        let offset = match finish {
            // A row of zeros gives what the offset of 128 alone adds.
            Finish::Raw => dot::<1>(&ZEROS, 0, weights)[0],
            Finish::Requantize { .. } => _mm512_setzero_si512(),
        };
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
                    offset,
                    finish,
                ),
                2 => store(
                    dot::<2>(tile, depth, weights),
                    row,
                    column,
                    out,
                    out_width,
                    offset,
                    finish,
                ),
                3 => store(
                    dot::<3>(tile, depth, weights),
                    row,
                    column,
                    out,
                    out_width,
                    offset,
                    finish,
                ),
                4 => store(
                    dot::<4>(tile, depth, weights),
                    row,
                    column,
                    out,
                    out_width,
                    offset,
                    finish,
                ),
                5 => store(
                    dot::<5>(tile, depth, weights),
                    row,
                    column,
                    out,
                    out_width,
                    offset,
                    finish,
                ),
                _ => store(
                    dot::<6>(tile, depth, weights),
                    row,
                    column,
                    out,
                    out_width,
                    offset,
                    finish,
                ),
            }
            row += count;
        }
    }
}

/// Inputs of a row of zeros, read again and again.
static ZEROS: [i8; BLOCK] = [0; BLOCK];

/// Dot products of `R` rows, plus 128 each, with the 16 columns of a block column.
///
/// Row `i` starts at `a[i * stride]`; a stride of 0 reads the same 16 inputs at every step.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dot<const R: usize>(a: &[i8], stride: usize, weights: &[i8]) -> [__m512i; R] {
    let steps = weights.len() / BLOCK_BYTES;
    let step_bytes = if stride == 0 { 0 } else { BLOCK };
    assert!(a.len() >= R * stride && stride >= steps * step_bytes && a.len() >= BLOCK);
    let offset = _mm512_set1_epi8(-128);
    let mut sums = [[_mm512_setzero_si512(); 4]; R];
    for step in 0..steps {
        let mut block = [_mm512_setzero_si512(); 4];
        for (group, vector) in block.iter_mut().enumerate() {
            // SAFETY: `step < steps` and `group < 4`: 64 bytes within `weights`.
            *vector = unsafe {
                _mm512_loadu_si512(weights.as_ptr().add(step * BLOCK_BYTES + group * 64).cast())
            };
        }
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: `row * stride + step * step_bytes + 16 <= R * stride <= a.len()` by the
            // assertion; with a stride of 0 the first 16 bytes of `a`.
            let inputs =
                unsafe { _mm_loadu_si128(a.as_ptr().add(row * stride + step * step_bytes).cast()) };
            let inputs = _mm512_xor_si512(_mm512_broadcast_i32x4(inputs), offset);
            for (sum, &vector) in sums.iter_mut().zip(&block) {
                *sum = _mm512_dpbusd_epi32(*sum, inputs, vector);
            }
        }
    }
    sums.map(|sums| columns(sums))
}

/// Adds the four partial sums of each of 16 columns, in the order of the columns.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn columns([a, b, c, d]: [__m512i; 4]) -> __m512i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_permutexvar_epi32(order, all)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn store<const R: usize>(
    sums: [__m512i; R],
    first_row: usize,
    column: usize,
    out: &mut [i32],
    out_width: usize,
    offset: __m512i,
    finish: Finish<'_>,
) {
    for (row, sum) in sums.into_iter().enumerate() {
        let result = match finish {
            Finish::Raw => _mm512_sub_epi32(sum, offset),
            Finish::Requantize { layer, rows, first } => {
                let scale = rows[first_row + row];
                let factor = row_factor(scale.scale, layer).into();
                let zero = scale.zero_point.wrapping_add(128);
                requantize(sum, layer, first + column, zero, factor)
            }
        };
        let out = &mut out[row * out_width..row * out_width + BLOCK];
        // SAFETY: `out` has 16 elements.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), result) };
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn load(numbers: &[i32], start: usize) -> __m512i {
    let numbers = &numbers[start..start + BLOCK];
    // SAFETY: `numbers` has 16 elements.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn requantize(
    sum: __m512i,
    layer: &Linear<'_>,
    first: usize,
    zero: i32,
    factor: RowFactor,
) -> __m512i {
    let shift = _mm_cvtsi32_si128(accumulator_shift(layer.weights.depth) as i32);
    let correction = _mm512_mullo_epi32(_mm512_set1_epi32(zero), load(layer.column_sums, first));
    let sum = _mm512_sll_epi32(_mm512_sub_epi32(sum, correction), shift);
    let scaled = mul_q31(sum, load(layer.multipliers, first));
    let scaled = mul_q31(scaled, _mm512_set1_epi32(factor.multiplier));
    let rounded = _mm512_add_epi32(scaled, _mm512_set1_epi32(factor.rounding));
    let result = _mm512_sra_epi32(rounded, _mm_cvtsi32_si128(factor.shift as i32));
    _mm512_add_epi32(result, load(layer.biases, first))
}

/// [`crate::fixed::mul_q31`] of 16 pairs: even and odd lanes apart, as 64-bit products.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn mul_q31(a: __m512i, b: __m512i) -> __m512i {
    let even = _mm512_mul_epi32(a, b);
    let odd = _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32));
    _mm512_mask_blend_epi32(
        0xaaaa,
        _mm512_srli_epi64(even, 31),
        _mm512_slli_epi64(odd, 1),
    )
}
