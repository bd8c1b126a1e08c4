//! Rows of numbers made narrower, and how far they reach.
//!
//! Whole blocks of 16 numbers here; what is left over goes to the definition.

use super::vectors::*;
use crate::fixed::Requantizer;
use crate::kernels::scalar;
use core::arch::aarch64::*;

#[target_feature(enable = "neon")]
pub fn quantize(row: &[i32], narrow: Requantizer, out: &mut [i8]) {
    let vectors = NarrowVectors::new(narrow);
    let (blocks, rest) = row.as_chunks();
    let (out, rest_out) = split_like(blocks, out);
    for (block, out) in blocks.iter().zip(out) {
        let words = load_words(block).map(|v| vectors.apply(v));
        store_bytes(saturate_halves(saturate_words(words)), out);
    }
    scalar::quantize(rest, narrow, 0, rest_out);
}

#[target_feature(enable = "neon")]
pub fn quantize_activated(row: &[i16], narrow: Requantizer, zero_point: i32, out: &mut [i8]) {
    let (Ok(multiplier), Ok(zero)) = (
        i16::try_from(narrow.multiplier),
        i8::try_from(zero_point).map(i16::from),
    ) else {
        return scalar::quantize(row, narrow, zero_point, out);
    };
    let pre = vdupq_n_s16(-(narrow.pre_shift.min(15) as i16));
    let right = right(narrow.shift);
    let (blocks, rest) = row.as_chunks();
    let (out, rest_out) = split_like(blocks, out);
    for (block, out) in blocks.iter().zip(out) {
        let halves = load_halves(block).map(|v| {
            // Products of 16 bits have room for the rounding.
            let v = vshlq_s16(v, pre);
            let low = vrshlq_s32(vmull_n_s16(vget_low_s16(v), multiplier), right);
            let high = vrshlq_s32(vmull_high_n_s16(v, multiplier), right);
            // What saturates here does so once more.
            vqaddq_s16(vqmovn_high_s32(vqmovn_s32(low), high), vdupq_n_s16(zero))
        });
        store_bytes(saturate_halves(halves), out);
    }
    scalar::quantize(rest, narrow, zero_point, rest_out);
}

#[target_feature(enable = "neon")]
pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    let ratio_vector = vdupq_n_s16(ratio);
    let (blocks, rest) = row.as_chunks();
    let (out, rest_out) = split_like(blocks, out);
    for (block, out) in blocks.iter().zip(out) {
        let bytes = load_bytes(block);
        let low = vqrdmulhq_s16(vmovl_s8(vget_low_s8(bytes)), ratio_vector);
        let high = vqrdmulhq_s16(vmovl_high_s8(bytes), ratio_vector);
        store_bytes(
            vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high)),
            out,
        );
    }
    scalar::scale_down(rest, ratio, rest_out);
}

#[target_feature(enable = "neon")]
pub fn range(row: &[i32]) -> (i32, i32) {
    let (blocks, rest) = row.as_chunks();
    let mut low = [vdupq_n_s32(0); 4];
    let mut high = low;
    for block in blocks {
        for (i, v) in load_words(block).into_iter().enumerate() {
            low[i] = vminq_s32(low[i], v);
            high[i] = vmaxq_s32(high[i], v);
        }
    }
    let (rest_low, rest_high) = scalar::range(rest);
    let low = low.into_iter().fold(low[0], |a, b| vminq_s32(a, b));
    let high = high.into_iter().fold(high[0], |a, b| vmaxq_s32(a, b));
    (
        vminvq_s32(low).min(rest_low),
        vmaxvq_s32(high).max(rest_high),
    )
}

#[target_feature(enable = "neon")]
pub fn range_activated(row: &[i16]) -> (i32, i32) {
    let (blocks, rest) = row.as_chunks();
    let mut low = [vdupq_n_s16(0); 2];
    let mut high = low;
    for block in blocks {
        for (i, v) in load_halves(block).into_iter().enumerate() {
            low[i] = vminq_s16(low[i], v);
            high[i] = vmaxq_s16(high[i], v);
        }
    }
    let (rest_low, rest_high) = scalar::range(rest);
    let low = vminvq_s16(vminq_s16(low[0], low[1]));
    let high = vmaxvq_s16(vmaxq_s16(high[0], high[1]));
    (rest_low.min(low as i32), rest_high.max(high as i32))
}

#[target_feature(enable = "neon")]
pub fn max_abs(row: &[i32]) -> u32 {
    let (blocks, rest) = row.as_chunks();
    let mut most = [vdupq_n_u32(0); 4];
    for block in blocks {
        for (most, v) in most.iter_mut().zip(load_words(block)) {
            *most = vmaxq_u32(*most, vreinterpretq_u32_s32(vabsq_s32(v)));
        }
    }
    let most = most.into_iter().fold(most[0], |a, b| vmaxq_u32(a, b));
    vmaxvq_u32(most).max(scalar::max_abs(rest))
}

/// As many blocks of `out` as there are of the input, and all that follows.
fn split_like<'o, T>(blocks: &[[T; 16]], out: &'o mut [i8]) -> (&'o mut [[i8; 16]], &'o mut [i8]) {
    let length = (blocks.len() * 16).min(out.len());
    let (whole, rest) = out.split_at_mut(length);
    (whole.as_chunks_mut().0, rest)
}
