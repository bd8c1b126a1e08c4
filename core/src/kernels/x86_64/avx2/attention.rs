//! Attention weights, and the packing of values.

use super::vectors::{
    HALF, Products, Scaling, load, load_bytes, load_halves, saturate, saturate_to_bytes, store,
    store_bytes,
};
use crate::kernels::SoftmaxScales;
use crate::kernels::scalar::{self, EXP2};
use crate::kernels::x86_64::WEIGHT_OFFSETS;
use crate::shape::BLOCK;
use core::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub fn softmax(scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
    let largest = scale_scores(scores, scales);
    let counted = scores.len().min(scales.values.len()).min(out.len());
    let (scores, rest_scores) = scores[..counted].as_chunks::<BLOCK>();
    let (values, rest_values) = scales.values[..counted].as_chunks::<BLOCK>();
    let (out, rest_out) = out[..counted].as_chunks_mut::<BLOCK>();
    let sum = scalar::weigh(rest_scores, largest, scales.exponent, rest_values, rest_out);

    let (largest, exponent) = (_mm256_set1_epi32(largest), Scaling::new(scales.exponent));
    let offsets = load_halves(&WEIGHT_OFFSETS);
    let mut sums = _mm256_setzero_si256();
    for ((scores, values), out) in scores.iter().zip(values).zip(out) {
        let [first, last] = scores.as_chunks::<HALF>().0 else {
            continue;
        };
        let below = saturate([
            exponent.apply(_mm256_sub_epi32(largest, load(first))),
            exponent.apply(_mm256_sub_epi32(largest, load(last))),
        ]);
        let exponential = exp2_negative(_mm256_max_epi16(below, _mm256_setzero_si256()));
        let pairs = _mm256_madd_epi16(exponential, _mm256_set1_epi16(1));
        sums = _mm256_add_epi32(sums, pairs);
        let weight = _mm256_mulhrs_epi16(exponential, load_halves(values));
        let weight = _mm256_srai_epi16(_mm256_add_epi16(weight, offsets), 7);
        store_bytes(out, saturate_to_bytes(weight));
    }
    let mut lanes = [0; HALF];
    store(&mut lanes, sums);
    (lanes.iter()).fold(sum, |sum, &lane| sum.wrapping_add(lane as u32))
}

/// Brings scores to the scale of all keys; returns the largest.
#[inline]
#[target_feature(enable = "avx2")]
fn scale_scores(scores: &mut [i32], scales: &SoftmaxScales<'_>) -> i32 {
    let counted = scores.len().min(scales.keys.len());
    let (scores, rest) = scores[..counted].as_chunks_mut::<HALF>();
    let (keys, rest_keys) = scales.keys[..counted].as_chunks::<HALF>();
    let largest = scalar::scale_scores(rest, scales.shift, rest_keys);
    let shift = _mm_cvtsi32_si128(scales.shift as i32);
    let mut lanes = _mm256_set1_epi32(largest);
    for (scores, keys) in scores.iter_mut().zip(keys) {
        let raw = _mm256_sll_epi32(load(scores), shift);
        let scaled = Products::each(raw, load(keys)).upper_halves();
        store(scores, scaled);
        lanes = _mm256_max_epi32(lanes, scaled);
    }
    let mut numbers = [0; HALF];
    store(&mut numbers, lanes);
    numbers.into_iter().fold(largest, i32::max)
}

/// The scalar function of the same name.
#[inline]
#[target_feature(enable = "avx2")]
fn exp2_negative(z: __m256i) -> __m256i {
    let fraction = _mm256_and_si256(_mm256_slli_epi16(z, 4), _mm256_set1_epi16(0x7ff0));
    let [highest, rest @ ..] = EXP2;
    let mut p = _mm256_set1_epi16(highest);
    for c in rest {
        p = _mm256_add_epi16(_mm256_mulhrs_epi16(p, fraction), _mm256_set1_epi16(c));
    }
    // Only numbers of 32 bits have shifts of their own.
    let (whole, zero) = (_mm256_srli_epi16(z, 11), _mm256_setzero_si256());
    _mm256_packus_epi32(
        _mm256_srlv_epi32(
            _mm256_unpacklo_epi16(p, zero),
            _mm256_unpacklo_epi16(whole, zero),
        ),
        _mm256_srlv_epi32(
            _mm256_unpackhi_epi16(p, zero),
            _mm256_unpackhi_epi16(whole, zero),
        ),
    )
}

#[target_feature(enable = "avx2")]
pub fn pack_values(rows: &[i8], first: usize, depth: usize, out: &mut [i8], sums: &mut [i32]) {
    let width = sums.len();
    let count = rows.len() / width.max(1);
    let fits = width.is_multiple_of(BLOCK)
        && first.is_multiple_of(BLOCK)
        && depth.is_multiple_of(BLOCK)
        && first + count <= depth
        && out.len() >= width * depth;
    let whole = if fits { count / BLOCK * BLOCK } else { 0 };
    let (rows, rest) = rows.split_at(whole * width);
    scalar::pack_values(rest, first + whole, depth, out, sums);

    for (block, rows) in rows.chunks_exact((width * BLOCK).max(1)).enumerate() {
        for (index, sums) in sums.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            let mut tokens = [_mm_setzero_si128(); BLOCK];
            for (token, row) in tokens.iter_mut().zip(rows.chunks_exact(width)) {
                if let Some((channels, _)) = row[index * BLOCK..].split_first_chunk() {
                    *token = load_bytes(channels);
                }
            }
            let start = (index * depth + first + block * BLOCK) * BLOCK;
            let lines = out[start..].as_chunks_mut::<BLOCK>().0;
            for ((out, channel), sum) in lines.iter_mut().zip(transpose(tokens)).zip(sums) {
                store_bytes(out, channel);
                // Bytes less the sign's offset, summed in two halves.
                let unsigned = _mm_xor_si128(channel, _mm_set1_epi8(-128));
                let halves = _mm_sad_epu8(unsigned, _mm_setzero_si128());
                let both = _mm_add_epi32(halves, _mm_srli_si128(halves, 8));
                *sum = sum.wrapping_add(_mm_cvtsi128_si32(both) - 128 * BLOCK as i32);
            }
        }
    }
}

/// 16 rows of 16 bytes become 16 columns: rows `i` and `i + 8` are interleaved, four times.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(mut rows: [__m128i; BLOCK]) -> [__m128i; BLOCK] {
    for _ in 0..BLOCK.ilog2() {
        let before = rows;
        for (i, pair) in rows.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            *pair = [
                _mm_unpacklo_epi8(before[i], before[i + HALF]),
                _mm_unpackhi_epi8(before[i], before[i + HALF]),
            ];
        }
    }
    rows
}
