//! Softmax of a row of scores, 16 keys at a time.

use super::vectors::*;
use crate::fixed::mul_q31;
use crate::kernels::SoftmaxScales;
use crate::kernels::scalar::{self, DITHER};
use core::arch::aarch64::*;

#[target_feature(enable = "neon")]
pub fn softmax(scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
    let count = scores.len();
    if scales.keys.len() < count || scales.values.len() < count || out.len() < count {
        return scalar::softmax(scores, scales, out);
    }
    let largest = scale(scores, scales);
    let weigher = Weigher {
        largest: vdupq_n_s32(largest),
        exponent: FactorVectors::new(scales.exponent),
        dither: load_halves(&DITHER.map(|d| d as i16)),
    };

    let (blocks, rest) = scores.as_chunks::<16>();
    let (values, _) = scales.values.as_chunks();
    let (weights, _) = out.as_chunks_mut();
    let mut sums = vdupq_n_u32(0);
    for ((block, values), out) in blocks.iter().zip(values).zip(weights) {
        let [a, b] = weigher.weigh(load_words(block), load_halves(values), out);
        sums = vpadalq_u16(sums, vreinterpretq_u16_s16(a));
        sums = vpadalq_u16(sums, vreinterpretq_u16_s16(b));
    }
    let mut sum = vaddvq_u32(sums);
    if !rest.is_empty() {
        let start = count - rest.len();
        let (mut block, mut values, mut weights) = ([0; 16], [0; 16], [0; 16]);
        block[..rest.len()].copy_from_slice(rest);
        values[..rest.len()].copy_from_slice(&scales.values[start..count]);
        let exponentials = weigher.weigh(load_words(&block), load_halves(&values), &mut weights);
        out[start..count].copy_from_slice(&weights[..rest.len()]);
        let mut each = [0; 16];
        store_halves(exponentials, &mut each);
        let rest = each[..rest.len()].iter().map(|&e| e as u32);
        sum = sum.wrapping_add(rest.sum());
    }
    sum
}

/// Scales the scores in place; the largest of them.
#[inline]
#[target_feature(enable = "neon")]
fn scale(scores: &mut [i32], scales: &SoftmaxScales<'_>) -> i32 {
    let shift = left(scales.shift & 31);
    let (blocks, rest) = scores.as_chunks_mut::<16>();
    let (keys, _) = scales.keys.as_chunks::<16>();
    let rest_keys = &scales.keys[blocks.len() * 16..];
    let mut most = [vdupq_n_s32(i32::MIN); 4];
    for (block, keys) in blocks.iter_mut().zip(keys) {
        let keys = load_words(keys);
        let mut words = load_words(block);
        for i in 0..4 {
            words[i] = vqdmulhq_s32(vshlq_s32(words[i], shift), keys[i]);
            most[i] = vmaxq_s32(most[i], words[i]);
        }
        store_words(words, block);
    }
    let most = most.into_iter().map(|v| vmaxvq_s32(v));
    let mut largest = most.fold(i32::MIN, i32::max);
    for (score, &key) in rest.iter_mut().zip(rest_keys) {
        *score = mul_q31(score.wrapping_shl(scales.shift), key);
        largest = largest.max(*score);
    }
    largest
}

struct Weigher {
    largest: int32x4_t,
    exponent: FactorVectors,
    dither: Halves,
}

impl Weigher {
    /// Writes 16 weights; the exponentials.
    #[inline]
    #[target_feature(enable = "neon")]
    fn weigh(&self, scores: Words, values: Halves, out: &mut [i8; 16]) -> Halves {
        let below = scores.map(|v| self.exponent.apply(vsubq_s32(self.largest, v)));
        let exponentials =
            saturate_words(below).map(|z| exp2_negative(vmaxq_s16(z, vdupq_n_s16(0))));
        let [a, b] = [0, 1].map(|i: usize| {
            let weight = vqrdmulhq_s16(exponentials[i], values[i]);
            vaddq_s16(weight, self.dither[i])
        });
        let weights = vshrn_high_n_s16::<7>(vshrn_n_s16::<7>(a), b);
        // Less 128.
        store_bytes(veorq_s8(weights, vdupq_n_s8(i8::MIN)), out);
        exponentials
    }
}

/// [`scalar::exp2_negative`]; all that it adds up stays within 16 bits.
#[inline]
#[target_feature(enable = "neon")]
fn exp2_negative(z: int16x8_t) -> int16x8_t {
    let fraction = vshlq_n_s16::<4>(vandq_s16(z, vdupq_n_s16(0x7ff)));
    let p = vaddq_s16(vqrdmulhq_n_s16(fraction, -1316), vdupq_n_s16(7600));
    let p = vsubq_s16(vqrdmulhq_s16(p, fraction), vdupq_n_s16(22670));
    let p = vaddq_s16(vqrdmulhq_s16(p, fraction), vdupq_n_s16(32767));
    vshlq_s16(p, vnegq_s16(vshrq_n_s16::<11>(z)))
}
