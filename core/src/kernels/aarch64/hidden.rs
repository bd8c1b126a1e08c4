//! Hidden states: residual, LayerNorm, 12-bit numbers.
//!
//! Rows are whole blocks of 16 channels; others go to the definition.

use super::vectors::*;
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{HiddenRow, scalar};
use core::arch::aarch64::*;

#[target_feature(enable = "neon")]
pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    if !row.len().is_multiple_of(16) || gains.len() < row.len() {
        return scalar::normalize(row, hidden, gains, epsilon);
    }
    let width = row.len();
    let (blocks, _) = row.as_chunks_mut::<16>();
    let mut sums = [vdupq_n_s64(0); 4];
    for block in blocks.iter() {
        for (sum, v) in sums.iter_mut().zip(load_words(block)) {
            *sum = vpadalq_s32(*sum, v);
        }
    }
    let mean = scalar::mean(sum(sums), hidden);

    let mean_vector = vdupq_n_s32(mean);
    let mut squares = [vdupq_n_s64(0); 4];
    for block in blocks.iter_mut() {
        let deviations = load_words(block).map(|v| vsubq_s32(v, mean_vector));
        for (square, v) in squares.iter_mut().zip(deviations) {
            *square = vmlal_s32(*square, vget_low_s32(v), vget_low_s32(v));
            *square = vmlal_high_s32(*square, v, v);
        }
        store_words(deviations, block);
    }
    let squares = sum(squares) as u64;

    let (shift, factor) = scalar::normalizer(squares, mean, width, hidden, epsilon);
    let (shift, factor) = (left(shift), FactorVectors::new(factor));
    for (block, gains) in blocks.iter_mut().zip(gains.as_chunks().0) {
        let (words, gains) = (load_words(block), load_words(gains));
        let scaled = core::array::from_fn(|i| {
            vqdmulhq_s32(factor.apply(vshlq_s32(words[i], shift)), gains[i])
        });
        store_words(scaled, block);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn sum([a, b, c, d]: [int64x2_t; 4]) -> i64 {
    vaddvq_s64(vaddq_s64(vaddq_s64(a, b), vaddq_s64(c, d)))
}

#[target_feature(enable = "neon")]
pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: FixedMultiplier, sums: &mut [i32]) {
    let factor = FactorVectors::new(factor);
    // Twice the 12-bit value, less zero: 16 bits more to the left are all that matters of it.
    let zero = row.scale.zero_point.wrapping_mul(16).wrapping_add(8);
    let zero = vdupq_n_s16(zero.wrapping_mul(2) as i16);
    let inputs = row.high.as_chunks().0.iter().zip(row.low.as_chunks().0);
    let outputs = restore.as_chunks().0.iter().zip(sums.as_chunks_mut().0);
    for ((high, low), (restore, sums)) in inputs.zip(outputs) {
        let high = load_bytes(high);
        let low = load_low(low);
        let nibbles = [vshl_n_u8::<1>(low), vshr_n_u8::<3>(low)];
        let nibbles = nibbles.map(|n| vand_u8(n, vdup_n_u8(0x1e)));
        let first = vsubq_s16(vshll_n_s8::<5>(vget_low_s8(high)), zero);
        let second = vsubq_s16(vshll_high_n_s8::<5>(high), zero);
        let [first, second] = [(first, nibbles[0]), (second, nibbles[1])]
            .map(|(high, low)| vaddw_u8(vreinterpretq_u16_s16(high), low))
            .map(|v| vreinterpretq_s16_u16(v));
        let values = [
            vshll_n_s16::<16>(vget_low_s16(first)),
            vshll_high_n_s16::<16>(first),
            vshll_n_s16::<16>(vget_low_s16(second)),
            vshll_high_n_s16::<16>(second),
        ];
        let (restore, old) = (load_words(restore), load_words(sums));
        let new = core::array::from_fn(|i| {
            vaddq_s32(old[i], factor.apply(vqdmulhq_s32(values[i], restore[i])))
        });
        store_words(new, sums);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn load_low(low: &[u8; 8]) -> uint8x8_t {
    // SAFETY: there are 8.
    unsafe { vld1_u8(low.as_ptr()) }
}

#[target_feature(enable = "neon")]
pub fn quantize_hidden(
    row: &[i32],
    narrow: Requantizer,
    zero_point: i32,
    high: &mut [i8],
    low: &mut [u8],
) {
    let narrow = NarrowVectors::new(narrow);
    let zero = vdupq_n_s32(zero_point.wrapping_mul(16));
    let outputs = high
        .as_chunks_mut::<16>()
        .0
        .iter_mut()
        .zip(low.as_chunks_mut::<8>().0);
    for (block, (high, low)) in row.as_chunks().0.iter().zip(outputs) {
        let words = load_words(block).map(|v| vaddq_s32(narrow.apply(v), zero));
        let [first, second] = saturate_words(words).map(|v| {
            let v = vminq_s16(vmaxq_s16(v, vdupq_n_s16(-2048)), vdupq_n_s16(2039));
            vaddq_s16(v, vdupq_n_s16(8))
        });
        store_bytes(vshrn_high_n_s16::<4>(vshrn_n_s16::<4>(first), second), high);
        let nibbles = vmovn_s16(vsliq_n_s16::<4>(first, second));
        // SAFETY: there is room for 8.
        unsafe { vst1_u8(low.as_mut_ptr(), vreinterpret_u8_s8(nibbles)) };
    }
}
