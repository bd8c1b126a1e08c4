//! LayerNorm, and the 12-bit hidden states before and after it.

use super::vectors::{HALF, Narrowing, Products, Scaling, load, load_bytes, store};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{HiddenRow, scalar};
use crate::shape::BLOCK;
use core::arch::x86_64::*;

/// Channels whose halves sum up in 32 bits, a lane for every 8 of them.
const LONGEST: usize = 1 << 15;

#[target_feature(enable = "avx2")]
pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    if !row.len().is_multiple_of(HALF) || row.len() > LONGEST || gains.len() < row.len() {
        return scalar::normalize(row, hidden, gains, epsilon);
    }
    let mean = (sum(row) / hidden.max(1) as i64) as i32;
    let squares = subtract(row, mean);
    let (shift, factor) = scalar::normalizer(squares, mean, row.len(), hidden, epsilon);
    let (shift, factor) = (_mm_cvtsi32_si128(shift as i32), Scaling::new(factor));
    let halves = row.as_chunks_mut::<HALF>().0.iter_mut();
    for (row, gains) in halves.zip(gains.as_chunks::<HALF>().0) {
        let scaled = factor.apply(_mm256_sll_epi32(load(row), shift));
        store(row, Products::each(scaled, load(gains)).upper_halves());
    }
}

/// The sum of a row of [`LONGEST`] at most: its upper and lower halves apart.
#[inline]
#[target_feature(enable = "avx2")]
fn sum(row: &[i32]) -> i64 {
    let lower_half = _mm256_set1_epi32(0xffff);
    let (mut lower, mut upper) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for half in row.as_chunks::<HALF>().0 {
        let v = load(half);
        upper = _mm256_add_epi32(upper, _mm256_srai_epi32(v, 16));
        lower = _mm256_add_epi32(lower, _mm256_and_si256(v, lower_half));
    }
    let sum = |v| {
        let mut lanes = [0; HALF];
        store(&mut lanes, v);
        lanes.iter().map(|&lane| lane as i64).sum::<i64>()
    };
    (sum(upper) << 16) + sum(lower)
}

/// Takes the mean off a row; returns the sum of the squares.
#[inline]
#[target_feature(enable = "avx2")]
fn subtract(row: &mut [i32], mean: i32) -> u64 {
    let mean = _mm256_set1_epi32(mean);
    let (mut even, mut odd) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for half in row.as_chunks_mut::<HALF>().0 {
        let v = _mm256_sub_epi32(load(half), mean);
        store(half, v);
        let v_odd = _mm256_srli_epi64(v, 32);
        even = _mm256_add_epi64(even, _mm256_mul_epi32(v, v));
        odd = _mm256_add_epi64(odd, _mm256_mul_epi32(v_odd, v_odd));
    }
    let mut lanes = [0u64; 4];
    // SAFETY: 4 numbers of 64 bits hold the vector.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), _mm256_add_epi64(even, odd)) };
    lanes.iter().fold(0, |sum, &lane| sum.wrapping_add(lane))
}

#[target_feature(enable = "avx2")]
pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: FixedMultiplier, sums: &mut [i32]) {
    let zero = row.scale.zero_point.wrapping_mul(16).wrapping_add(8);
    let zero = _mm256_set1_epi32(zero.wrapping_shl(17));
    let factor = Scaling::new(factor);
    let nibble = _mm256_set1_epi32(15 << 17);
    let high = row.high.as_chunks::<BLOCK>().0.iter();
    let low = row.low.as_chunks::<HALF>().0;
    let outer = (restore.as_chunks::<BLOCK>().0.iter()).zip(sums.as_chunks_mut::<BLOCK>().0);
    for ((high, low), (restore, sums)) in high.zip(low).zip(outer) {
        let low = _mm256_cvtepu8_epi32(_mm_set1_epi64x(i64::from_le_bytes(*low)));
        let high = load_bytes(high);
        let halves = [
            (high, _mm256_slli_epi32(low, 17)),
            (_mm_srli_si128(high, 8), _mm256_slli_epi32(low, 13)),
        ];
        let outer = (restore.as_chunks::<HALF>().0.iter()).zip(sums.as_chunks_mut::<HALF>().0);
        for ((high, low), (restore, sums)) in halves.into_iter().zip(outer) {
            let high = _mm256_slli_epi32(_mm256_cvtepi8_epi32(high), 21);
            let value = _mm256_or_si256(high, _mm256_and_si256(low, nibble));
            let value = _mm256_sub_epi32(value, zero);
            let restored = factor.apply_to(Products::each(value, load(restore)));
            store(sums, _mm256_add_epi32(load(sums), restored));
        }
    }
}

#[target_feature(enable = "avx2")]
pub fn quantize_hidden(
    row: &[i32],
    narrow: Requantizer,
    zero_point: i32,
    high: &mut [i8],
    low: &mut [u8],
) {
    let narrow = Narrowing::new(narrow);
    let zero = _mm256_set1_epi32(zero_point.wrapping_mul(16));
    let blocks =
        (high.as_chunks_mut::<HALF>().0.chunks_exact_mut(2)).zip(low.as_chunks_mut::<HALF>().0);
    for (row, (high, low)) in row.as_chunks::<BLOCK>().0.iter().zip(blocks) {
        let mut nibbles = [_mm256_setzero_si256(); 2];
        let halves = row.as_chunks::<HALF>().0.iter().zip(high);
        for ((row, high), nibbles) in halves.zip(&mut nibbles) {
            let value = _mm256_add_epi32(narrow.apply(load(row)), zero);
            let value = _mm256_min_epi32(value, _mm256_set1_epi32(2039));
            let value = _mm256_max_epi32(value, _mm256_set1_epi32(-2048));
            let value = _mm256_add_epi32(value, _mm256_set1_epi32(8));
            *high = low_bytes(_mm256_srai_epi32(value, 4)).map(|byte| byte as i8);
            *nibbles = _mm256_and_si256(value, _mm256_set1_epi32(15));
        }
        let upper = _mm256_slli_epi32(nibbles[1], 4);
        *low = low_bytes(_mm256_or_si256(nibbles[0], upper));
    }
}

/// The lowest byte of each number.
#[inline]
#[target_feature(enable = "avx2")]
fn low_bytes(v: __m256i) -> [u8; HALF] {
    let lowest = _mm256_set1_epi64x(0x0c08_0400);
    let bytes = _mm256_shuffle_epi8(v, lowest);
    let (first, last) = (
        _mm256_castsi256_si128(bytes),
        _mm256_extracti128_si256(bytes, 1),
    );
    _mm_cvtsi128_si64(_mm_unpacklo_epi32(first, last)).to_le_bytes()
}

#[target_feature(enable = "avx2")]
pub fn add_embedding(row: &[i8], multiplier: u16, sums: &mut [i32]) {
    scalar::add_embedding(row, multiplier, sums);
}
