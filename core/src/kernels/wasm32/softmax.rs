//! Attention weights, 16 keys at a time.

use super::vector::{Factors, doubled, halves, load, mul_q31, quarters, store};
use crate::kernels::SoftmaxScales;
use crate::kernels::scalar::{self, DITHER, EXP2};
use crate::shape::BLOCK;
use core::arch::wasm32::*;

pub fn softmax(scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
    let keys = scores.len();
    if scales.keys.len() != keys || scales.values.len() != keys || out.len() != keys {
        return scalar::softmax(scores, scales, out);
    }
    let largest = scale_scores(scores, scales.shift, scales.keys);
    let weigh = Weigh {
        largest: i32x4_splat(largest),
        exponent: Factors::from(scales.exponent),
    };
    let (score_blocks, last_scores) = scores.as_chunks::<BLOCK>();
    let (value_blocks, last_values) = scales.values.as_chunks::<BLOCK>();
    let (out_blocks, last_out) = out.as_chunks_mut::<BLOCK>();
    let mut sums = i32x4_splat(0);
    let blocks = score_blocks.iter().zip(value_blocks);
    for ((scores, values), out) in blocks.zip(out_blocks) {
        let exponentials = weigh.block(scores, values, out);
        sums = i32x4_add(sums, pairs(exponentials));
    }
    if !last_scores.is_empty() {
        let (mut scores, mut values) = ([0; BLOCK], [0; BLOCK]);
        let (mut out, mut mask) = ([0; BLOCK], [0i16; BLOCK]);
        scores[..last_scores.len()].copy_from_slice(last_scores);
        values[..last_values.len()].copy_from_slice(last_values);
        mask[..last_scores.len()].fill(-1);
        let [first, second] = weigh.block(&scores, &values, &mut out);
        let masks = mask.as_chunks::<8>().0;
        let exponentials = [
            v128_and(first, load(&masks[0])),
            v128_and(second, load(&masks[1])),
        ];
        sums = i32x4_add(sums, pairs(exponentials));
        last_out.copy_from_slice(&out[..last_out.len()]);
    }
    let mut each = [0; 4];
    store(sums, &mut each);
    each.into_iter().fold(0, i32::wrapping_add) as u32
}

/// [`scalar::scale_scores`].
fn scale_scores(scores: &mut [i32], shift: u32, keys: &[i32]) -> i32 {
    let (blocks, last) = scores.as_chunks_mut::<4>();
    let (key_blocks, last_keys) = keys.as_chunks::<4>();
    let mut largest = i32x4_splat(i32::MIN);
    for (scores, keys) in blocks.iter_mut().zip(key_blocks) {
        let scaled = mul_q31(i32x4_shl(load(scores), shift), doubled(load(keys)));
        largest = i32x4_max(largest, scaled);
        store(scaled, scores);
    }
    let mut each = [0; 4];
    store(largest, &mut each);
    let last = scalar::scale_scores(last, shift, last_keys);
    each.into_iter().fold(last, i32::max)
}

/// Sums of pairs of exponentials.
fn pairs([first, second]: [v128; 2]) -> v128 {
    // 15 bits each: a pair has 16.
    u32x4_extadd_pairwise_u16x8(i16x8_add(first, second))
}

/// What is the same for all keys.
struct Weigh {
    largest: v128,
    exponent: Factors,
}

impl Weigh {
    /// Writes the weights of 16 keys; their exponentials.
    #[inline(always)]
    fn block(
        &self,
        scores: &[i32; BLOCK],
        values: &[i16; BLOCK],
        out: &mut [i8; BLOCK],
    ) -> [v128; 2] {
        let below = |scores| {
            let below = i32x4_sub(self.largest, load(scores));
            self.exponent.apply(below)
        };
        let weight = |exponential, values, dither| {
            let weight = i16x8_q15mulr_sat(exponential, load(values));
            i16x8_shr(i16x8_add(weight, load(dither)), 7)
        };
        let [a, b, c, d] = quarters(scores);
        let exponentials = [
            exp2_negative(i16x8_narrow_i32x4(below(a), below(b))),
            exp2_negative(i16x8_narrow_i32x4(below(c), below(d))),
        ];
        let [first, second] = halves(values);
        let [dither, next] = halves(&DITHER_HALVES);
        let weights = u8x16_narrow_i16x8(
            weight(exponentials[0], first, dither),
            weight(exponentials[1], second, next),
        );
        // Less 128.
        store(v128_xor(weights, i8x16_splat(i8::MIN)), out);
        exponentials
    }
}

/// [`DITHER`] in 16 bits.
static DITHER_HALVES: [i16; BLOCK] = {
    let mut halves = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        halves[i] = DITHER[i] as i16;
        i += 1;
    }
    halves
};

/// [`scalar::exp2_negative`] of numbers that have been saturated to 16 bits; negative ones are
/// zeros.
#[inline(always)]
fn exp2_negative(z: v128) -> v128 {
    let z = i16x8_max(z, i16x8_splat(0));
    let fraction = i16x8_shl(v128_and(z, i16x8_splat(0x7ff)), 4);
    let step = |p, constant| i16x8_add(i16x8_q15mulr_sat(p, fraction), i16x8_splat(constant));
    let [highest, rest @ ..] = EXP2;
    let p = rest.into_iter().fold(i16x8_splat(highest), step);
    // There is no shift by lanes: the high half of `2 p * 2^(15 - shift)` is `p >> shift`. Both
    // bytes of a power come from one table, which has zeros past its end.
    let shift = u16x8_shr(z, 11);
    let places = i8x16_sub(i16x8_mul(shift, i16x8_splat(0x101)), i16x8_splat(8));
    let powers = i8x16(-128, 64, 32, 16, 8, 4, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    let power = i8x16_swizzle(powers, places);
    let doubled = i16x8_add(p, p);
    let low = u32x4_extmul_low_u16x8(doubled, power);
    let high = u32x4_extmul_high_u16x8(doubled, power);
    i16x8_shuffle::<1, 3, 5, 7, 9, 11, 13, 15>(low, high)
}
