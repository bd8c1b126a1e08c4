//! Rows of channels, a block of 16 at a time; what is left over is the scalar kernels'.

use super::vector::{Factors, Narrows, doubled, halves, load, mul_q31, quarters, store};
use crate::fixed::{Factor, Narrow};
use crate::kernels::{HiddenRow, scalar};
use crate::kernels::scalar::{GELU_ERF, GELU_TANH};
use crate::shape::{Activation, BLOCK};
use core::arch::wasm32::*;

pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    let (inputs, last_input) = input.as_chunks::<8>();
    let (outs, last_out) = out.as_chunks_mut::<8>();
    if inputs.len() != outs.len() {
        return scalar::activate(kind, fraction_bits, input, out);
    }
    let pairs = inputs.iter().zip(outs);
    let bump = match kind {
        Activation::GeluErf => Some(&GELU_ERF),
        Activation::GeluTanh => Some(&GELU_TANH),
        Activation::Relu => None,
    };
    match bump {
        Some(bump) => {
            let bump = bump.map(i16x8_splat);
            pairs.for_each(|(v, out)| store(gelu(saturate(v), fraction_bits, &bump), out));
        }
        None => pairs.for_each(|(v, out)| {
            store(i16x8_max(saturate(v), i16x8_splat(0)), out);
        }),
    }
    scalar::activate(kind, fraction_bits, last_input, last_out);
}

/// Eight numbers, saturated to 16 bits.
#[inline(always)]
fn saturate(numbers: &[i32; 8]) -> v128 {
    let [low, high] = numbers.as_chunks::<4>().0 else {
        return i16x8_splat(0);
    };
    i16x8_narrow_i32x4(load(low), load(high))
}

/// [`scalar::activate`]'s GELU.
#[inline(always)]
fn gelu(u: v128, bits: u32, bump: &[v128; 8]) -> v128 {
    // Unsigned, so that the magnitude of the least number is one.
    let magnitude = u16x8_min(i16x8_abs(u), u16x8_splat((1 << (bits + 2)) - 1));
    let s = v128_xor(i16x8_shl(magnitude, 14 - bits), i16x8_splat(i16::MIN));
    let [rest @ .., highest] = bump;
    let p = rest.iter().rev().fold(*highest, |p, &c| i16x8_add(i16x8_q15mulr_sat(p, s), c));
    let shift = 16 - bits;
    let bump = i16x8_shr(i16x8_add(p, i16x8_splat(1 << (shift - 1))), shift);
    i16x8_sub(i16x8_max(u, i16x8_splat(0)), bump)
}

pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: Factor, sums: &mut [i32]) {
    let zero = i32x4_splat(row.scale.zero_point.wrapping_mul(16).wrapping_add(8));
    let factors = Factors::from(factor);
    let bytes = row.high.as_chunks::<BLOCK>().0.iter().zip(row.low.as_chunks::<8>().0);
    let outer = restore.as_chunks::<BLOCK>().0.iter().zip(sums.as_chunks_mut::<BLOCK>().0);
    for ((high, low), (restore, sums)) in bytes.zip(outer) {
        let high = load(high);
        // SAFETY: the array is 8 bytes long.
        let low = unsafe { u16x8_load_extend_u8x8(low.as_ptr()) };
        let value = |high, nibbles| i16x8_add(i16x8_shl(high, 4), nibbles);
        let first = value(i16x8_extend_low_i8x16(high), v128_and(low, i16x8_splat(15)));
        let second = value(i16x8_extend_high_i8x16(high), u16x8_shr(low, 4));
        let values = [
            i32x4_extend_low_i16x8(first),
            i32x4_extend_high_i16x8(first),
            i32x4_extend_low_i16x8(second),
            i32x4_extend_high_i16x8(second),
        ];
        let places = quarters(restore).into_iter().zip(sums.as_chunks_mut::<4>().0);
        for (value, (restore, sums)) in values.into_iter().zip(places) {
            let value = i32x4_shl(i32x4_sub(value, zero), 17);
            let value = factors.apply(mul_q31(value, doubled(load(restore))));
            store(i32x4_add(load(sums), value), sums);
        }
    }
}

pub fn quantize_hidden(
    row: &[i32],
    narrow: Narrow,
    zero_point: i32,
    high: &mut [i8],
    low: &mut [u8],
) {
    let zero = i32x4_splat(zero_point.wrapping_mul(16));
    let narrows = Narrows::from(narrow);
    let blocks = high.as_chunks_mut::<BLOCK>().0.iter_mut().zip(low.as_chunks_mut::<8>().0);
    for (row, (high, low)) in row.as_chunks::<BLOCK>().0.iter().zip(blocks) {
        let [a, b, c, d] = quarters(row).map(|v| i32x4_add(narrows.apply(load(v)), zero));
        let value = |a, b| {
            let value = i16x8_max(i16x8_narrow_i32x4(a, b), i16x8_splat(-2048));
            i16x8_add(i16x8_min(value, i16x8_splat(2039)), i16x8_splat(8))
        };
        let (first, second) = (value(a, b), value(c, d));
        store(i8x16_narrow_i16x8(i16x8_shr(first, 4), i16x8_shr(second, 4)), high);
        let nibbles = |value| v128_and(value, i16x8_splat(15));
        let both = v128_or(nibbles(first), i16x8_shl(nibbles(second), 4));
        let both = u8x16_narrow_i16x8(both, both);
        *low = i64x2_extract_lane::<0>(both).to_le_bytes();
    }
}

pub fn quantize(row: &[i32], narrow: Narrow, out: &mut [i8]) {
    let narrows = Narrows::from(narrow);
    let (rows, last_row) = row.as_chunks::<BLOCK>();
    let (outs, last_out) = out.as_chunks_mut::<BLOCK>();
    for (row, out) in rows.iter().zip(outs) {
        let [a, b, c, d] = quarters(row).map(|v| narrows.apply(load(v)));
        store(saturated(a, b, c, d), out);
    }
    scalar::quantize(last_row, narrow, 0, last_out);
}

pub fn quantize_activated(row: &[i16], narrow: Narrow, zero_point: i32, out: &mut [i8]) {
    let narrows = Narrows::from(narrow);
    let zero = i32x4_splat(zero_point);
    let (rows, last_row) = row.as_chunks::<BLOCK>();
    let (outs, last_out) = out.as_chunks_mut::<BLOCK>();
    for (row, out) in rows.iter().zip(outs) {
        let [first, second] = halves(row).map(|v| load(v));
        let narrowed = |v| i32x4_add(narrows.apply(v), zero);
        let quantized = saturated(
            narrowed(i32x4_extend_low_i16x8(first)),
            narrowed(i32x4_extend_high_i16x8(first)),
            narrowed(i32x4_extend_low_i16x8(second)),
            narrowed(i32x4_extend_high_i16x8(second)),
        );
        store(quantized, out);
    }
    scalar::quantize(last_row, narrow, zero_point, last_out);
}

/// 16 numbers, saturated to bytes: twice over is as once.
#[inline(always)]
fn saturated(a: v128, b: v128, c: v128, d: v128) -> v128 {
    i8x16_narrow_i16x8(i16x8_narrow_i32x4(a, b), i16x8_narrow_i32x4(c, d))
}

pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    let ratios = i16x8_splat(ratio);
    let (rows, last_row) = row.as_chunks::<BLOCK>();
    let (outs, last_out) = out.as_chunks_mut::<BLOCK>();
    for (row, out) in rows.iter().zip(outs) {
        let row = load(row);
        let low = i16x8_q15mulr_sat(i16x8_extend_low_i8x16(row), ratios);
        let high = i16x8_q15mulr_sat(i16x8_extend_high_i8x16(row), ratios);
        store(i8x16_narrow_i16x8(low, high), out);
    }
    scalar::scale_down(last_row, ratio, last_out);
}

pub fn range_activated(row: &[i16]) -> (i32, i32) {
    let (vectors, last) = row.as_chunks::<8>();
    let (mut low, mut high) = (i16x8_splat(0), i16x8_splat(0));
    for vector in vectors {
        let vector = load(vector);
        (low, high) = (i16x8_min(low, vector), i16x8_max(high, vector));
    }
    let (mut lows, mut highs) = ([0i16; 8], [0i16; 8]);
    store(low, &mut lows);
    store(high, &mut highs);
    let ends = [scalar::range(&lows), scalar::range(&highs), scalar::range(last)];
    let lowest = ends.into_iter().fold(0, |lowest, (low, _)| lowest.min(low));
    let highest = ends.into_iter().fold(0, |highest, (_, high)| highest.max(high));
    (lowest, highest)
}

pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    scalar::normalize(row, hidden, gains, epsilon);
}
