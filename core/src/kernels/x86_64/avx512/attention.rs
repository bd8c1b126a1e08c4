//! Attention weights, and the packing of values.

use super::vectors::{Products, Scaling, count, load, store};
use crate::kernels::SoftmaxScales;
use crate::kernels::scalar::{self, DITHER, EXP2};
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
    let counted = scores.len().min(scales.values.len()).min(out.len());
    let (largest, exponent) = (_mm512_set1_epi32(largest), Scaling::new(scales.exponent));
    let dither = dither();
    let mut sums = _mm512_setzero_si512();
    for start in (0..counted).step_by(STEP) {
        let mask = lanes(counted - start);
        // SAFETY: the lanes of the mask are elements of all three slices.
        let (low, high, values) = unsafe {
            let scores = scores.as_ptr().add(start);
            (
                _mm512_maskz_loadu_epi32(mask as u16, scores),
                _mm512_maskz_loadu_epi32((mask >> 16) as u16, scores.wrapping_add(BLOCK)),
                _mm512_maskz_loadu_epi16(mask, scales.values.as_ptr().add(start)),
            )
        };
        let below = _mm512_packs_epi32(
            exponent.apply(_mm512_sub_epi32(largest, low)),
            exponent.apply(_mm512_sub_epi32(largest, high)),
        );
        let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
        let below = _mm512_permutexvar_epi64(order, below);
        let exponential = exp2_negative(_mm512_max_epi16(below, _mm512_setzero_si512()));
        let exponential = _mm512_maskz_mov_epi16(mask, exponential);
        sums = _mm512_dpwssd_epi32(sums, exponential, _mm512_set1_epi16(1));
        let weight = _mm512_mulhrs_epi16(exponential, values);
        let weight = _mm512_srai_epi16(_mm512_add_epi16(weight, dither), 7);
        // SAFETY: as above.
        unsafe {
            let out = out.as_mut_ptr().add(start);
            _mm256_mask_storeu_epi8(out, mask, _mm512_cvtepi16_epi8(weight));
        }
    }
    _mm512_reduce_add_epi32(sums) as u32
}

/// Brings scores to the scale of all keys; returns the largest.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn scale_scores(scores: &mut [i32], scales: &SoftmaxScales<'_>) -> i32 {
    let shift = count(scales.shift);
    let mut largest = _mm512_set1_epi32(i32::MIN);
    let counted = scores.len().min(scales.keys.len());
    for start in (0..counted).step_by(BLOCK) {
        let mask = lanes(counted - start) as u16;
        // SAFETY: the lanes of the mask are elements of both slices.
        unsafe {
            let place = scores.as_mut_ptr().add(start);
            let keys = _mm512_maskz_loadu_epi32(mask, scales.keys.as_ptr().add(start));
            let raw = _mm512_sllv_epi32(_mm512_maskz_loadu_epi32(mask, place), shift);
            let score = Products::each(raw, keys).upper_halves();
            _mm512_mask_storeu_epi32(place, mask, score);
            largest = _mm512_mask_max_epi32(largest, mask, largest, score);
        }
    }
    _mm512_reduce_max_epi32(largest)
}

/// Two rounds of the dither, less 128 where a weight's 7 lowest bits are cut off.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn dither() -> __m512i {
    let dither = DITHER.map(|d| (d - (128 << 7)) as i16);
    // SAFETY: 16 numbers of 16 bits.
    let once = unsafe { _mm256_loadu_si256(dither.as_ptr().cast()) };
    _mm512_broadcast_i64x4(once)
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
        store(sums, _mm512_add_epi32(load(sums), channel_sums(totals)));
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
    .map(|v| _mm512_permutexvar_epi32(by_channel(), v))
}

/// From four channels of each four tokens to four fours of tokens of each channel.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn by_channel() -> __m512i {
    _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)
}

/// Adds the four partial sums of each of 16 channels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn channel_sums([a, b, c, d]: [__m512i; 4]) -> __m512i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    _mm512_permutexvar_epi32(by_channel(), all)
}
