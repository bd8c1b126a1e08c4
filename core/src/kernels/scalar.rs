//! The definition of every kernel, in plain Rust.

use super::{Activations, Heads, HiddenRow, Kernels, RowScale, SoftmaxScales};
use crate::blob::{Format, Linear, Matrix, PAIR};
use crate::fixed::{Factor, Narrow, horner_q15, mul_q15, mul_q31};
use crate::shape::{Activation, BLOCK};

/// Plain Rust, on every machine.
pub(super) struct Scalar;

impl Kernels for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }
}

/// Bytes of a 16 x 16 block.
pub const BLOCK_BYTES: usize = BLOCK * BLOCK;

/// Dot products of one row with the 16 columns of a block column.
fn dot_block(row: &[i8], block_column: &[i8]) -> [i32; BLOCK] {
    let mut sums = [0i32; BLOCK];
    let steps = row
        .chunks_exact(BLOCK)
        .zip(block_column.chunks_exact(BLOCK_BYTES));
    for (inputs, block) in steps {
        for (sum, weights) in sums.iter_mut().zip(block.chunks_exact(BLOCK)) {
            let products = inputs
                .iter()
                .zip(weights)
                .map(|(&x, &w)| x as i32 * w as i32);
            *sum = sum.wrapping_add(products.sum());
        }
    }
    sums
}

/// The same of a block column in [`Format::Fours`].
fn dot_fours(row: &[i8], block_column: &[i8]) -> [i32; BLOCK] {
    let mut sums = [0i32; BLOCK];
    let steps = row
        .chunks_exact(4)
        .zip(block_column.chunks_exact(4 * BLOCK));
    for (inputs, fours) in steps {
        for (sum, weights) in sums.iter_mut().zip(fours.chunks_exact(4)) {
            let products = inputs
                .iter()
                .zip(weights)
                .map(|(&x, &w)| x as i32 * (w as u8 as i32 - 128));
            *sum = sum.wrapping_add(products.sum());
        }
    }
    sums
}

/// Calls `each(row, column, sums)` for every row and block of columns in `first..first + width`.
fn for_blocks(
    a: &[i8],
    b: &Matrix<'_>,
    first: usize,
    width: usize,
    mut each: impl FnMut(usize, usize, [i32; BLOCK]),
) {
    let dot = match b.format {
        Format::Fours if cfg!(target_arch = "x86_64") => dot_fours,
        _ => dot_block,
    };
    let block_columns = b.data.chunks_exact((b.depth * BLOCK).max(1));
    let wanted = block_columns.skip(first / BLOCK).take(width / BLOCK);
    for (index, block_column) in wanted.enumerate() {
        for (row, inputs) in a.chunks_exact(b.depth.max(1)).enumerate() {
            each(row, index * BLOCK, dot(inputs, block_column));
        }
    }
}

pub fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    for_blocks(a, b, 0, out_width, |row, column, sums| {
        let start = row * out_width + column;
        if let Some(out) = out.get_mut(start..start + BLOCK) {
            out.copy_from_slice(&sums);
        }
    });
}

/// Left shift that no dot product of `depth` int8 pairs overflows:
/// with a zero point, an input spans at most 255 steps, a weight 127.
pub fn accumulator_shift(depth: usize) -> u32 {
    (255 * 127 * depth as u32).leading_zeros().saturating_sub(1)
}

/// The factor of a row of the given scale for `layer`.
pub fn row_factor(scale: f32, layer: &Linear<'_>) -> Factor {
    let shift = accumulator_shift(layer.weights.depth);
    Factor::new(scale * layer.scale / (1u32 << shift) as f32)
}

pub fn linear(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    for_blocks(
        input.values,
        &layer.weights,
        first,
        out_width,
        |row, column, sums| {
            let start = row * out_width + column;
            if let (Some(scale), Some(out)) =
                (input.rows.get(row), out.get_mut(start..start + BLOCK))
            {
                out.copy_from_slice(&sums);
                requantize(out, layer, first + column, scale);
            }
        },
    );
}

/// A row's dot products with columns `first..`, in place, to units of the layer's `unit`.
pub fn requantize(row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
    let shift = accumulator_shift(layer.weights.depth);
    let factor = row_factor(scale.scale, layer);
    let channels = first..first + row.len();
    let (Some(multipliers), Some(column_sums), Some(biases)) = (
        layer.multipliers.get(channels.clone()),
        layer.column_sums.get(channels.clone()),
        layer.biases.get(channels),
    ) else {
        return;
    };
    let constants = multipliers.iter().zip(column_sums).zip(biases);
    for (out, ((&multiplier, &column_sum), &bias)) in row.iter_mut().zip(constants) {
        let correction = scale.zero_point.wrapping_mul(column_sum);
        let sum = out.wrapping_sub(correction).wrapping_shl(shift);
        let scaled = factor.apply(mul_q31(sum, multiplier));
        *out = scaled.wrapping_add(bias);
    }
}

/// [`requantize`] of all rows, from column `first` of the layer on.
pub fn requantize_rows(
    out: &mut [i32],
    out_width: usize,
    layer: &Linear<'_>,
    first: usize,
    scales: &[RowScale],
) {
    for (out, scale) in out.chunks_exact_mut(out_width.max(1)).zip(scales) {
        requantize(out, layer, first, scale);
    }
}

/// `2^-f` in Q15 over the fraction `f` in Q15, the highest coefficient first.
pub(super) const EXP2: [i16; 4] = [-1316, 7600, -22670, 32767];

/// `2^-z` in Q15 for `z` in `0..16` with 11 fraction bits; 1.0 is 32767.
///
/// A cubic for the fraction (relative error 1e-4), a shift for the whole part.
pub(super) const fn exp2_negative(z: i32) -> i32 {
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
pub(super) const DITHER: [i32; BLOCK] = {
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
pub(super) fn scale_scores(scores: &mut [i32], shift: u32, keys: &[i32]) -> i32 {
    let mut largest = i32::MIN;
    for (score, &key) in scores.iter_mut().zip(keys) {
        *score = mul_q31(score.wrapping_shl(shift), key);
        largest = largest.max(*score);
    }
    largest
}

/// Weights of scaled scores; the sum of the exponentials.
#[inline]
pub(super) fn weigh(
    scores: &[i32],
    largest: i32,
    exponent: Factor,
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

/// `2 a (1 - Phi(a))` in Q15 over `a = 2 (s + 1)`, `s` in Q15: what GELU takes from `max(u, 0)`
/// at `|u| = a`, doubled; minimax polynomials of degree 7, error 4e-4, constant term first.
pub(super) const GELU_ERF: [i16; 8] = [2972, -11245, 14540, 935, -21351, 15666, 3830, -5352];
/// The same for the tanh approximation of Phi.
pub(super) const GELU_TANH: [i16; 8] = [2966, -11348, 14525, 1291, -21314, 15238, 3813, -5178];

/// GELU (arXiv 1606.08415) of `u` with `bits` fraction bits, 4 to 12: `max(u, 0)` less an even
/// bump that vanishes for `|u| > 4`.
fn gelu(u: i32, bits: u32, bump: &[i16; 8]) -> i16 {
    let magnitude = (u.abs()).min((1 << (bits + 2)) - 1);
    let s = (magnitude << (14 - bits)) - 32768;
    let [rest @ .., highest] = bump.map(i32::from);
    let p = rest.iter().rev().fold(highest, |p, &c| horner_q15(p, s, c));
    let shift = 16 - bits;
    let bump = (p + (1 << (shift - 1))) >> shift;
    (u.max(0) - bump) as i16
}

pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    let saturate = |v: i32| v.clamp(i16::MIN as i32, i16::MAX as i32);
    let pairs = input.iter().zip(out);
    match kind {
        Activation::GeluErf => {
            pairs.for_each(|(&v, out)| *out = gelu(saturate(v), fraction_bits, &GELU_ERF));
        }
        Activation::GeluTanh => {
            pairs.for_each(|(&v, out)| *out = gelu(saturate(v), fraction_bits, &GELU_TANH));
        }
        Activation::Relu => pairs.for_each(|(&v, out)| *out = saturate(v).max(0) as i16),
    }
}

pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    let mean = mean(row.iter().map(|&v| v as i64).sum(), hidden);
    let mut squares = 0u64;
    for v in row.iter_mut() {
        *v = v.wrapping_sub(mean);
        squares = squares.wrapping_add((*v as i64 * *v as i64) as u64);
    }
    let (shift, factor) = normalizer(squares, mean, row.len(), hidden, epsilon);
    for (v, &gain) in row.iter_mut().zip(gains) {
        *v = mul_q31(factor.apply(v.wrapping_shl(shift)), gain);
    }
}

/// The mean of a row of `hidden` channels by its sum.
pub(super) fn mean(sum: i64, hidden: usize) -> i32 {
    match (i32::try_from(sum), i32::try_from(hidden.max(1))) {
        // Ten times as fast where 64 bits are two registers.
        (Ok(sum), Ok(hidden)) => sum / hidden,
        _ => (sum / hidden.max(1) as i64) as i32,
    }
}

/// The shift and then the factor that bring deviations from the mean, the sum of whose squares
/// over a row of `width` is known, to the LayerNorm before its gains.
///
/// Kept apart: x86's square root, in the midst of wide vectors, would stall.
#[inline(never)]
pub(super) fn normalizer(
    squares: u64,
    mean: i32,
    width: usize,
    hidden: usize,
    epsilon: f32,
) -> (u32, Factor) {
    // The padding channels hold zeros: each has added the square of the mean.
    let padding = width.saturating_sub(hidden) as u64;
    let square = (mean as i64 * mean as i64) as u64;
    let squares = squares.wrapping_sub(padding.wrapping_mul(square));

    let variance = squares as f32 / hidden as f32;
    let inverse = 1.0 / libm::sqrtf(variance + epsilon);
    // No deviation exceeds the root of the squares, so this shift fills 30 bits.
    let root_bits = (64 - squares.leading_zeros()).div_ceil(2);
    let shift = 30u32.saturating_sub(root_bits);
    let factor = inverse * (1u32 << 22) as f32 / (1u32 << shift) as f32;
    (shift, Factor::new(factor))
}

/// A half of a low byte.
fn nibble(low: u8, upper: bool) -> i32 {
    (if upper { low >> 4 } else { low & 15 }) as i32
}

pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: Factor, sums: &mut [i32]) {
    let zero = row.scale.zero_point.wrapping_mul(16).wrapping_add(8);
    let blocks = row
        .high
        .chunks_exact(BLOCK)
        .zip(row.low.chunks_exact(BLOCK / 2));
    let outer = restore
        .chunks_exact(BLOCK)
        .zip(sums.chunks_exact_mut(BLOCK));
    for ((high, low), (restore, sums)) in blocks.zip(outer) {
        for i in 0..BLOCK {
            let value = high[i] as i32 * 16 + nibble(low[i % 8], i >= 8);
            let value = value.wrapping_sub(zero).wrapping_shl(17);
            sums[i] = sums[i].wrapping_add(factor.apply(mul_q31(value, restore[i])));
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
    let zero = zero_point.wrapping_mul(16);
    let blocks = high
        .chunks_exact_mut(BLOCK)
        .zip(low.chunks_exact_mut(BLOCK / 2));
    for (row, (high, low)) in row.chunks_exact(BLOCK).zip(blocks) {
        for i in 0..BLOCK {
            let value = narrow.apply(row[i]).wrapping_add(zero).clamp(-2048, 2039) + 8;
            high[i] = (value >> 4) as i8;
            let nibble = (value & 15) as u8;
            if i < 8 {
                low[i] = nibble;
            } else {
                low[i - 8] |= nibble << 4;
            }
        }
    }
}

pub fn quantize<T: Copy + Into<i32>>(row: &[T], narrow: Narrow, zero_point: i32, out: &mut [i8]) {
    for (&v, out) in row.iter().zip(out) {
        let q = narrow.apply(v.into()).wrapping_add(zero_point);
        *out = q.clamp(i8::MIN as i32, i8::MAX as i32) as i8;
    }
}

/// What brings a row whose largest magnitude is known to -127..=127.
#[inline]
pub(super) fn symmetric(largest: u32) -> Narrow {
    Narrow::new(largest, 127.0 / largest as f32)
}

/// Calls `quantize` for each head of each row; it returns the largest magnitude.
#[inline]
pub(super) fn quantize_heads(
    sums: &[i32],
    width: usize,
    out: Heads<'_>,
    quantize: impl Fn(&[i32], &mut [i8]) -> u32,
) {
    let width = width.max(1);
    for (row, sums) in sums.chunks_exact(width * out.heads.max(1)).enumerate() {
        for (head, sums) in sums.chunks_exact(width).enumerate() {
            let index = head * out.capacity + row;
            let place = index * width..(index + 1) * width;
            if let (Some(values), Some(scale)) =
                (out.values.get_mut(place), out.scales.get_mut(index))
            {
                *scale = quantize(sums, values) as f32 / 127.0 * out.unit;
            }
        }
    }
}

#[inline]
pub fn range<T: Copy + Into<i32>>(row: &[T]) -> (i32, i32) {
    row.iter().fold((0, 0), |(low, high), &v| {
        let v = v.into();
        (low.min(v), high.max(v))
    })
}

#[inline]
pub fn max_abs(row: &[i32]) -> u32 {
    row.iter().fold(0, |m, v| m.max(v.unsigned_abs()))
}

#[inline]
pub fn add_embedding(row: &[i8], multiplier: u16, sums: &mut [i32]) {
    for (sum, &weight) in sums.iter_mut().zip(row) {
        *sum = sum.wrapping_add(weight as i32 * multiplier as i32);
    }
}

/// `(n - 8) * m` for every multiplier `m` and nibble `n`: for sets that look bytes up.
pub const NIBBLE_PRODUCTS: [[i8; BLOCK]; 16] = {
    let mut products = [[0; BLOCK]; 16];
    let mut i = 0;
    while i < 256 {
        products[i / 16][i % 16] = ((i % 16) as i8 - 8) * (i / 16) as i8;
        i += 1;
    }
    products
};

#[inline]
pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let pairs = nibbles.chunks_exact(BLOCK).zip(out.chunks_exact_mut(PAIR));
    for ((nibbles, out), &m) in pairs.zip(multipliers) {
        // No product leaves 8 bits, in which compilers multiply whole vectors of them.
        let weight = |n: i8, m: u8| (n - 8).wrapping_mul(m as i8);
        let (first, second) = out.split_at_mut(BLOCK);
        for (out, &n) in first.iter_mut().zip(nibbles) {
            *out = weight(n & 15, m & 15);
        }
        for (out, &n) in second.iter_mut().zip(nibbles) {
            *out = weight((n as u8 >> 4) as i8, m >> 4);
        }
    }
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

#[inline]
pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    for (&q, out) in row.iter().zip(out) {
        *out = mul_q15(q as i32, ratio as i32) as i8;
    }
}

#[cfg(test)]
mod tests;
