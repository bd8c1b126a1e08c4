//! Rows of channels, a block of 16 at a time; what is left over is the scalar kernels'.

use super::vector::{Factors, Narrows, doubled, halves, load, mul_q31, quarters, store};
use crate::blob::PAIR;
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::scalar::{GELU_ERF, GELU_TANH, NIBBLE_PRODUCTS};
use crate::kernels::{HiddenRow, scalar};
use crate::shape::{Activation, BLOCK};
use core::arch::wasm32::*;

pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    match kind {
        Activation::GeluErf => gelus(&GELU_ERF, kind, fraction_bits, input, out),
        Activation::GeluTanh => gelus(&GELU_TANH, kind, fraction_bits, input, out),
        Activation::Relu => scalar::activate(kind, fraction_bits, input, out),
    }
}

fn gelus(bump: &[i16; 8], kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    if input.len() != out.len() {
        return scalar::activate(kind, fraction_bits, input, out);
    }
    let bump = bump.map(|c| i16x8_splat(c));
    let (inputs, last_input) = input.as_chunks::<BLOCK>();
    let (outs, last_out) = out.as_chunks_mut::<BLOCK>();
    for (input, out) in inputs.iter().zip(outs) {
        let [a, b, c, d] = quarters(input).map(load);
        let pairs = [i16x8_narrow_i32x4(a, b), i16x8_narrow_i32x4(c, d)];
        for (pair, out) in pairs.into_iter().zip(out.as_chunks_mut::<8>().0) {
            store(gelu(pair, fraction_bits, &bump), out);
        }
    }
    scalar::activate(kind, fraction_bits, last_input, last_out);
}

/// [`scalar::activate`]'s GELU.
#[inline(always)]
fn gelu(u: v128, bits: u32, bump: &[v128; 8]) -> v128 {
    // Unsigned, so that the magnitude of the least number is one.
    let magnitude = u16x8_min(i16x8_abs(u), u16x8_splat((1 << (bits + 2)) - 1));
    let s = v128_xor(i16x8_shl(magnitude, 14 - bits), i16x8_splat(i16::MIN));
    let [rest @ .., highest] = bump;
    let p = rest
        .iter()
        .rev()
        .fold(*highest, |p, &c| i16x8_add(i16x8_q15mulr_sat(p, s), c));
    let shift = 16 - bits;
    let bump = i16x8_shr(i16x8_add(p, i16x8_splat(1 << (shift - 1))), shift);
    i16x8_sub(i16x8_max(u, i16x8_splat(0)), bump)
}

/// A swizzle looks the products of a multiplier up.
pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let pairs = nibbles.as_chunks::<BLOCK>().0.iter().zip(multipliers);
    for ((nibbles, &m), out) in pairs.zip(out.as_chunks_mut::<PAIR>().0) {
        let products = |m: u8| load(&NIBBLE_PRODUCTS[usize::from(m)]);
        let nibbles = load(nibbles);
        let low = v128_and(nibbles, u8x16_splat(15));
        let [first, second] = out.as_chunks_mut::<BLOCK>().0 else {
            continue;
        };
        store(u8x16_swizzle(products(m & 15), low), first);
        store(
            u8x16_swizzle(products(m >> 4), u8x16_shr(nibbles, 4)),
            second,
        );
    }
}

pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: FixedMultiplier, sums: &mut [i32]) {
    let zero = i32x4_splat(row.scale.zero_point.wrapping_mul(16).wrapping_add(8));
    let factors = Factors::from(factor);
    let (high, low) = (row.high.as_chunks::<BLOCK>().0, row.low.as_chunks::<8>().0);
    let (restore, sums) = (
        restore.as_chunks::<BLOCK>().0,
        sums.as_chunks_mut::<BLOCK>().0,
    );
    for ((high, low), (restore, sums)) in high.iter().zip(low).zip(restore.iter().zip(sums)) {
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
        let places = quarters(restore)
            .into_iter()
            .zip(sums.as_chunks_mut::<4>().0);
        for (value, (restore, sums)) in values.into_iter().zip(places) {
            let value = i32x4_shl(i32x4_sub(value, zero), 17);
            let value = factors.apply(mul_q31(value, doubled(load(restore))));
            store(i32x4_add(load(sums), value), sums);
        }
    }
}

pub fn quantize_hidden(
    row: &[i32],
    narrow: Requantizer,
    zero_point: i32,
    high: &mut [i8],
    low: &mut [u8],
) {
    let zero = i32x4_splat(zero_point.wrapping_mul(16));
    let narrows = Narrows::from(narrow);
    let blocks = high
        .as_chunks_mut::<BLOCK>()
        .0
        .iter_mut()
        .zip(low.as_chunks_mut::<8>().0);
    for (row, (high, low)) in row.as_chunks::<BLOCK>().0.iter().zip(blocks) {
        let [a, b, c, d] = quarters(row).map(|v| i32x4_add(narrows.apply(load(v)), zero));
        let value = |a, b| {
            let value = i16x8_max(i16x8_narrow_i32x4(a, b), i16x8_splat(-2048));
            i16x8_add(i16x8_min(value, i16x8_splat(2039)), i16x8_splat(8))
        };
        let (first, second) = (value(a, b), value(c, d));
        store(
            i8x16_narrow_i16x8(i16x8_shr(first, 4), i16x8_shr(second, 4)),
            high,
        );
        let nibbles = |value| v128_and(value, i16x8_splat(15));
        let both = v128_or(nibbles(first), i16x8_shl(nibbles(second), 4));
        let both = u8x16_narrow_i16x8(both, both);
        *low = i64x2_extract_lane::<0>(both).to_le_bytes();
    }
}

pub fn quantize(row: &[i32], narrow: Requantizer, out: &mut [i8]) {
    if row.len() != out.len() {
        return scalar::quantize(row, narrow, 0, out);
    }
    let narrows = Narrows::from(narrow);
    let (rows, last_row) = row.as_chunks::<BLOCK>();
    let (outs, last_out) = out.as_chunks_mut::<BLOCK>();
    for (row, out) in rows.iter().zip(outs) {
        let quantized = quarters(row).map(|v| narrows.apply(load(v)));
        store(saturated(quantized), out);
    }
    scalar::quantize(last_row, narrow, 0, last_out);
}

pub fn quantize_activated(row: &[i16], narrow: Requantizer, zero_point: i32, out: &mut [i8]) {
    if row.len() != out.len() {
        return scalar::quantize(row, narrow, zero_point, out);
    }
    let narrows = Narrows::from(narrow);
    let zero = i32x4_splat(zero_point);
    let (rows, last_row) = row.as_chunks::<BLOCK>();
    let (outs, last_out) = out.as_chunks_mut::<BLOCK>();
    for (row, out) in rows.iter().zip(outs) {
        let [first, second] = halves(row).map(load);
        let quantized = [
            i32x4_extend_low_i16x8(first),
            i32x4_extend_high_i16x8(first),
            i32x4_extend_low_i16x8(second),
            i32x4_extend_high_i16x8(second),
        ]
        .map(|v| i32x4_add(narrows.apply(v), zero));
        store(saturated(quantized), out);
    }
    scalar::quantize(last_row, narrow, zero_point, last_out);
}

/// 16 numbers, saturated to bytes: twice over is as once.
#[inline(always)]
fn saturated([a, b, c, d]: [v128; 4]) -> v128 {
    i8x16_narrow_i16x8(i16x8_narrow_i32x4(a, b), i16x8_narrow_i32x4(c, d))
}

pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    if row.len() != out.len() {
        return scalar::scale_down(row, ratio, out);
    }
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
    let (low, high) = scalar::range(last);
    (
        low.min(scalar::range(&lows).0),
        high.max(scalar::range(&highs).1),
    )
}

pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    let width = row.len();
    let (quads, []) = row.as_chunks_mut::<4>() else {
        return scalar::normalize(row, hidden, gains, epsilon);
    };
    if gains.len() != width {
        return scalar::normalize(row, hidden, gains, epsilon);
    }
    let mut sums = i64x2_splat(0);
    for quad in quads.iter() {
        let quad = load(quad);
        let pairs = i64x2_add(i64x2_extend_low_i32x4(quad), i64x2_extend_high_i32x4(quad));
        sums = i64x2_add(sums, pairs);
    }
    let mean = scalar::mean(sum(sums), hidden);
    let means = i32x4_splat(mean);
    let mut squares = i64x2_splat(0);
    for quad in quads.iter_mut() {
        let v = i32x4_sub(load(quad), means);
        store(v, quad);
        let pairs = i64x2_add(i64x2_extmul_low_i32x4(v, v), i64x2_extmul_high_i32x4(v, v));
        squares = i64x2_add(squares, pairs);
    }
    let squares = sum(squares) as u64;
    let (shift, factor) = scalar::normalizer(squares, mean, width, hidden, epsilon);
    let factors = Factors::from(factor);
    for (quad, gains) in quads.iter_mut().zip(gains.as_chunks::<4>().0) {
        let v = factors.apply(i32x4_shl(load(quad), shift));
        store(mul_q31(v, doubled(load(gains))), quad);
    }
}

/// The sum of a vector of two.
fn sum(pair: v128) -> i64 {
    i64x2_extract_lane::<0>(pair).wrapping_add(i64x2_extract_lane::<1>(pair))
}
