//! Softmax, and how values are packed to be mixed by it.

use crate::fixed::{FixedMultiplier, horner_q15, mul_q15, mul_q31};
use crate::kernels::SoftmaxScales;
use crate::shape::BLOCK;

/// `2^-f` in Q15 over the fraction `f` in Q15, the highest coefficient first.
pub(in crate::kernels) const EXP2: [i16; 4] = [-1316, 7600, -22670, 32767];

/// `2^-z` in Q15 for `z` in `0..16` with 11 fraction bits; 1.0 is 32767.
///
/// A cubic for the fraction (relative error 1e-4), a shift for the whole part.
pub(in crate::kernels) const fn exp2_negative(z: i32) -> i32 {
    let fraction = (z & 0x7ff) << 4;
    let [cubic, square, linear, constant] = EXP2;
    let p = horner_q15(cubic as i32, fraction, square as i32);
    let p = horner_q15(p, fraction, linear as i32);
    let p = horner_q15(p, fraction, constant as i32);
    p >> (z >> 11)
}

/// What is added to the weights of successive tokens before 7 bits are cut off.
///
/// With one half for all, hundreds of small weights, each below half a step, would all vanish, and
/// with them most of a long text. In the order of van der Corput's sequence, some of any few
/// neighbours are rounded up, so that their sum is kept.
pub(in crate::kernels) const DITHER: [i32; BLOCK] = {
    let mut dither = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        dither[i] = ((i as u32).reverse_bits() >> 28) as i32 * 8 + 4;
        i += 1;
    }
    dither
};

pub fn softmax(scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
    let largest = scale_scores(scores, scales.shift, scales.keys);
    weigh(scores, largest, scales.exponent, scales.values, out)
}

/// Brings raw scores to one scale, in place; the largest of them.
#[inline]
pub(in crate::kernels) fn scale_scores(scores: &mut [i32], shift: u32, keys: &[i32]) -> i32 {
    let mut largest = i32::MIN;
    for (score, &key) in scores.iter_mut().zip(keys) {
        *score = mul_q31(score.wrapping_shl(shift), key);
        largest = largest.max(*score);
    }
    largest
}

/// Weights of scaled scores; the sum of the exponentials.
#[inline]
pub(in crate::kernels) fn weigh(
    scores: &[i32],
    largest: i32,
    exponent: FixedMultiplier,
    values: &[i16],
    out: &mut [i8],
) -> u32 {
    let mut sum = 0u32;
    let lines = scores.iter().zip(values).zip(out);
    for (index, ((&score, &value), out)) in lines.enumerate() {
        let below = exponent.apply(largest.wrapping_sub(score));
        let exponential = exp2_negative(below.clamp(0, i16::MAX as i32));
        sum = sum.wrapping_add(exponential as u32);
        let weight = mul_q15(exponential, value as i32);
        *out = (((weight + DITHER[index % BLOCK]) >> 7) - 128) as i8;
    }
    sum
}

pub fn pack_values(rows: &[i8], first: usize, depth: usize, out: &mut [i8], sums: &mut [i32]) {
    for (index, row) in rows.chunks_exact(sums.len().max(1)).enumerate() {
        let column = first + index;
        for (channel, (&v, sum)) in row.iter().zip(sums.iter_mut()).enumerate() {
            let block = channel / BLOCK * (depth / BLOCK) + column / BLOCK;
            let at = (block * BLOCK + channel % BLOCK) * BLOCK + column % BLOCK;
            if let Some(out) = out.get_mut(at) {
                *out = v;
            }
            *sum = sum.wrapping_add(v as i32);
        }
    }
}
