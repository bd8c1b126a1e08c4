//! LayerNorm, and the 12-bit hidden states before and after it.

use super::vectors::{Narrowing, Products, Scaling, count, load, load_bytes, store, store_bytes};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{HiddenRow, scalar};
use crate::shape::BLOCK;
use core::arch::x86_64::*;

/// Channels whose halves sum up in 32 bits, a lane for every 16 of them.
const LONGEST: usize = 1 << 16;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    if !row.len().is_multiple_of(BLOCK) || row.len() > LONGEST || gains.len() < row.len() {
        return scalar::normalize(row, hidden, gains, epsilon);
    }
    let mean = scalar::mean(sum(row), hidden);
    let squares = subtract(row, mean);
    let (shift, factor) = scalar::normalizer(squares, mean, row.len(), hidden, epsilon);
    let (shift, factor) = (count(shift), Scaling::new(factor));
    let blocks = row.as_chunks_mut::<BLOCK>().0.iter_mut();
    for (row, gains) in blocks.zip(gains.as_chunks::<BLOCK>().0) {
        let scaled = factor.apply(_mm512_sllv_epi32(load(row), shift));
        store(row, Products::each(scaled, load(gains)).upper_halves());
    }
}

/// The sum of a row of [`LONGEST`] at most: its upper and lower halves apart.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn sum(row: &[i32]) -> i64 {
    let (lower, upper) = (_mm512_set1_epi32(1), _mm512_set1_epi32(1 << 16));
    // Lower halves are unsigned; less 2^15 they are signed.
    let offset = _mm512_set1_epi32(1 << 15);
    let (mut lower_sum, mut upper_sum) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for block in row.as_chunks::<BLOCK>().0 {
        let v = load(block);
        upper_sum = _mm512_dpwssd_epi32(upper_sum, v, upper);
        lower_sum = _mm512_dpwssd_epi32(lower_sum, _mm512_xor_si512(v, offset), lower);
    }
    let sum = |v| _mm512_reduce_add_epi64(_mm512_add_epi64(even(v), odd(v)));
    (sum(upper_sum) << 16) + sum(lower_sum) + ((row.len() as i64) << 15)
}

/// Even lanes in 64 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn even(v: __m512i) -> __m512i {
    _mm512_srai_epi64(_mm512_slli_epi64(v, 32), 32)
}

/// Odd lanes in 64 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn odd(v: __m512i) -> __m512i {
    _mm512_srai_epi64(v, 32)
}

/// Takes the mean off a row; returns the sum of the squares.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn subtract(row: &mut [i32], mean: i32) -> u64 {
    let mean = _mm512_set1_epi32(mean);
    let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for block in row.as_chunks_mut::<BLOCK>().0 {
        let v = _mm512_sub_epi32(load(block), mean);
        store(block, v);
        let v_odd = _mm512_srli_epi64(v, 32);
        even = _mm512_add_epi64(even, _mm512_mul_epi32(v, v));
        odd = _mm512_add_epi64(odd, _mm512_mul_epi32(v_odd, v_odd));
    }
    _mm512_reduce_add_epi64(_mm512_add_epi64(even, odd)) as u64
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: FixedMultiplier, sums: &mut [i32]) {
    let zero = row.scale.zero_point.wrapping_mul(16).wrapping_add(8);
    let zero = _mm512_set1_epi32(zero.wrapping_shl(17));
    let factor = Scaling::new(factor);
    // Both copies of the low bytes: the lower half of each for channels 0 to 7, then the upper.
    let places = _mm512_inserti64x4(_mm512_set1_epi32(17), _mm256_set1_epi32(13), 1);
    let nibble = _mm512_set1_epi32(15 << 17);
    let high = row.high.as_chunks::<BLOCK>().0.iter();
    let low = row.low.as_chunks::<{ BLOCK / 2 }>().0;
    let outer = (restore.as_chunks::<BLOCK>().0.iter()).zip(sums.as_chunks_mut::<BLOCK>().0);
    for ((high, low), (restore, sums)) in high.zip(low).zip(outer) {
        let low = _mm_set1_epi64x(i64::from_le_bytes(*low));
        let low = _mm512_sllv_epi32(_mm512_cvtepu8_epi32(low), places);
        let low = _mm512_and_si512(low, nibble);
        let high = _mm512_slli_epi32(_mm512_cvtepi8_epi32(load_bytes(high)), 21);
        let value = _mm512_sub_epi32(_mm512_or_si512(high, low), zero);
        let restored = factor.apply_to(Products::each(value, load(restore)));
        store(sums, _mm512_add_epi32(load(sums), restored));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn quantize_hidden(
    row: &[i32],
    narrow: Requantizer,
    zero_point: i32,
    high: &mut [i8],
    low: &mut [u8],
) {
    let narrow = Narrowing::new(narrow);
    let zero = _mm512_set1_epi32(zero_point.wrapping_mul(16));
    let blocks =
        (high.as_chunks_mut::<BLOCK>().0.iter_mut()).zip(low.as_chunks_mut::<{ BLOCK / 2 }>().0);
    for (row, (high, low)) in row.as_chunks::<BLOCK>().0.iter().zip(blocks) {
        let value = _mm512_add_epi32(narrow.apply(load(row)), zero);
        let value = _mm512_min_epi32(value, _mm512_set1_epi32(2039));
        let value = _mm512_max_epi32(value, _mm512_set1_epi32(-2048));
        let value = _mm512_add_epi32(value, _mm512_set1_epi32(8));
        store_bytes(high, _mm512_cvtepi32_epi8(_mm512_srai_epi32(value, 4)));
        let nibbles = _mm512_and_si512(value, _mm512_set1_epi32(15));
        let upper = _mm256_slli_epi32(_mm512_extracti64x4_epi64(nibbles, 1), 4);
        let both = _mm256_or_si256(_mm512_castsi512_si256(nibbles), upper);
        *low = _mm_cvtsi128_si64(_mm256_cvtepi32_epi8(both)).to_le_bytes();
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn add_embedding(row: &[i8], multiplier: u16, sums: &mut [i32]) {
    let multiplier = _mm512_set1_epi32(multiplier as i32);
    let blocks = sums.as_chunks_mut::<BLOCK>().0.iter_mut();
    for (sums, row) in blocks.zip(row.as_chunks::<BLOCK>().0) {
        let row = _mm512_cvtepi8_epi32(load_bytes(row));
        let products = _mm512_mullo_epi32(row, multiplier);
        store(sums, _mm512_add_epi32(load(sums), products));
    }
}
