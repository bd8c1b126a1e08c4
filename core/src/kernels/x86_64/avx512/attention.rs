//! Attention weights, and the packing of values.

use super::vectors::{Products, Scaling, count, fours, lanes_of_fours, load, saturate, store};
use crate::kernels::SoftmaxScales;
use crate::kernels::scalar::{self, EXP2};
use crate::kernels::x86_64::WEIGHT_OFFSETS;
use crate::shape::BLOCK;
use core::arch::x86_64::*;

/// Scores of a vector of 16-bit numbers.
const STEP: usize = 2 * BLOCK;

/// The first `count` of 32 lanes, one at least.
fn lanes(count: usize) -> u32 {
    u32::MAX >> STEP.saturating_sub(count).min(31)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn softmax(scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
    let largest = scale_scores(scores, scales);
    let weigher = Weigher::new(largest, scales);
    let mut sums = _mm512_setzero_si512();
    let counted = scores.len().min(scales.values.len()).min(out.len());
    let (scores, values) = (scores.as_ptr(), scales.values.as_ptr());
    let out = out.as_mut_ptr();
    for start in (0..counted / STEP * STEP).step_by(STEP) {
        // SAFETY: there are 32 more of each.
        unsafe {
            let scores = [0, BLOCK].map(|at| _mm512_loadu_si512(scores.add(start + at).cast()));
            let values = _mm512_loadu_si512(values.add(start).cast());
            let exponential = weigher.exponential(scores);
            sums = _mm512_dpwssd_epi32(sums, exponential, _mm512_set1_epi16(1));
            let weights = weigher.weights(exponential, values);
            _mm256_storeu_si256(out.add(start).cast(), weights);
        }
    }
    let start = counted / STEP * STEP;
    if start < counted {
        let mask = lanes(counted - start);
        // SAFETY: the lanes of the mask are there; where the upper 16 begin is not read unless
        // they are.
        unsafe {
            let upper = (mask >> 16) as u16;
            let scores = [
                _mm512_maskz_loadu_epi32(mask as u16, scores.add(start)),
                _mm512_maskz_loadu_epi32(upper, scores.wrapping_add(start + BLOCK)),
            ];
            let values = _mm512_maskz_loadu_epi16(mask, values.add(start));
            let exponential = _mm512_maskz_mov_epi16(mask, weigher.exponential(scores));
            sums = _mm512_dpwssd_epi32(sums, exponential, _mm512_set1_epi16(1));
            let weights = weigher.weights(exponential, values);
            _mm256_mask_storeu_epi8(out.add(start), mask, weights);
        }
    }
    _mm512_reduce_add_epi32(sums) as u32
}

/// Brings scores to the scale of all keys; returns the largest.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn scale_scores(scores: &mut [i32], scales: &SoftmaxScales<'_>) -> i32 {
    let counted = scores.len().min(scales.keys.len());
    let (scores, rest) = scores[..counted].as_chunks_mut::<BLOCK>();
    let (keys, rest_keys) = scales.keys[..counted].as_chunks::<BLOCK>();
    let shift = count(scales.shift);
    let mut largest = _mm512_set1_epi32(i32::MIN);
    for (scores, keys) in scores.iter_mut().zip(keys) {
        let raw = _mm512_sllv_epi32(load(scores), shift);
        let score = Products::each(raw, load(keys)).upper_halves();
        store(scores, score);
        largest = _mm512_max_epi32(largest, score);
    }
    if !rest.is_empty() {
        let mask = lanes(rest.len()) as u16;
        // SAFETY: the lanes of the mask are elements of both slices.
        unsafe {
            let keys = _mm512_maskz_loadu_epi32(mask, rest_keys.as_ptr());
            let raw = _mm512_sllv_epi32(_mm512_maskz_loadu_epi32(mask, rest.as_ptr()), shift);
            let score = Products::each(raw, keys).upper_halves();
            _mm512_mask_storeu_epi32(rest.as_mut_ptr(), mask, score);
            largest = _mm512_mask_max_epi32(largest, mask, largest, score);
        }
    }
    _mm512_reduce_max_epi32(largest)
}

/// Makes weights of scaled scores.
struct Weigher {
    largest: __m512i,
    exponent: Scaling,
    offsets: __m512i,
}

impl Weigher {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn new(largest: i32, scales: &SoftmaxScales<'_>) -> Self {
        // SAFETY: 16 numbers of 16 bits.
        let offsets = unsafe { _mm256_loadu_si256(WEIGHT_OFFSETS.as_ptr().cast()) };
        Weigher {
            largest: _mm512_set1_epi32(largest),
            exponent: Scaling::new(scales.exponent),
            offsets: _mm512_broadcast_i64x4(offsets),
        }
    }

    /// In Q15.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn exponential(&self, [first, last]: [__m512i; 2]) -> __m512i {
        let below = saturate([
            self.exponent.apply(_mm512_sub_epi32(self.largest, first)),
            self.exponent.apply(_mm512_sub_epi32(self.largest, last)),
        ]);
        exp2_negative(_mm512_max_epi16(below, _mm512_setzero_si512()))
    }

    /// In 8 bits, less 128.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn weights(&self, exponential: __m512i, values: __m512i) -> __m256i {
        let weight = _mm512_mulhrs_epi16(exponential, values);
        let weight = _mm512_srai_epi16(_mm512_add_epi16(weight, self.offsets), 7);
        _mm512_cvtepi16_epi8(weight)
    }
}

/// The scalar function of the same name.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn exp2_negative(z: __m512i) -> __m512i {
    let fraction = _mm512_and_si512(_mm512_slli_epi16(z, 4), _mm512_set1_epi16(0x7ff0));
    let [highest, rest @ ..] = EXP2;
    let mut p = _mm512_set1_epi16(highest);
    for c in rest {
        p = _mm512_add_epi16(_mm512_mulhrs_epi16(p, fraction), _mm512_set1_epi16(c));
    }
    _mm512_srlv_epi16(p, _mm512_srli_epi16(z, 11))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn pack_values(rows: &[i8], first: usize, depth: usize, out: &mut [i8], sums: &mut [i32]) {
    let width = sums.len();
    let end = first + rows.len() / width.max(1);
    let fits = width.is_multiple_of(BLOCK)
        && depth.is_multiple_of(BLOCK)
        && end <= depth
        && out.len() >= width * depth;
    if !fits {
        return scalar::pack_values(rows, first, depth, out, sums);
    }
    let lines = out.chunks_exact_mut((depth * BLOCK).max(1));
    for (index, (sums, line)) in (sums.as_chunks_mut::<BLOCK>().0.iter_mut())
        .zip(lines)
        .enumerate()
    {
        let mut totals = [_mm512_setzero_si512(); 4];
        for block in first / BLOCK..end.div_ceil(BLOCK) {
            let start = block * BLOCK;
            let present = first.max(start)..end.min(start + BLOCK);
            let vectors = transpose(|i| {
                let token = start + i;
                if !present.contains(&token) {
                    return _mm_setzero_si128();
                }
                let at = (token - first) * width + index * BLOCK;
                // SAFETY: tokens from `first` to `end` have `width` bytes each in `rows`.
                unsafe { _mm_loadu_si128(rows.as_ptr().add(at).cast()) }
            });
            let mask = (u32::MAX << (present.start - start)) & !(u32::MAX << (present.end - start));
            let mask = (mask & 0xffff) as u64 * 0x0001_0001_0001_0001;
            let place = &mut line[start * BLOCK..(start + BLOCK) * BLOCK];
            for (i, (total, vector)) in totals.iter_mut().zip(vectors).enumerate() {
                *total = _mm512_dpbusd_epi32(*total, _mm512_set1_epi8(1), vector);
                // SAFETY: `place` has four times 64 bytes.
                unsafe { _mm512_mask_storeu_epi8(place.as_mut_ptr().add(64 * i), mask, vector) };
            }
        }
        store(sums, _mm512_add_epi32(load(sums), fours(totals)));
    }
}

/// 16 channels of 16 tokens, turned into 16 tokens of 16 channels: 4 channels in each vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn transpose(token: impl Fn(usize) -> __m128i) -> [__m512i; 4] {
    // Every fourth token in one vector.
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| {
        let lower = _mm512_castsi128_si512(token(i));
        let lower = _mm512_inserti32x4(lower, token(i + 4), 1);
        let upper = _mm512_inserti32x4(lower, token(i + 8), 2);
        _mm512_inserti32x4(upper, token(i + 12), 3)
    });
    let (ab, ab_upper) = (_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b));
    let (cd, cd_upper) = (_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d));
    [
        _mm512_unpacklo_epi16(ab, cd),
        _mm512_unpackhi_epi16(ab, cd),
        _mm512_unpacklo_epi16(ab_upper, cd_upper),
        _mm512_unpackhi_epi16(ab_upper, cd_upper),
    ]
    .map(|v| _mm512_permutexvar_epi32(lanes_of_fours(), v))
}
