//! Rows to int8, and what they range over.

use crate::fixed::{Requantizer, mul_q15};
use crate::kernels::Heads;

pub fn quantize<T: Copy + Into<i32>>(
    row: &[T],
    narrow: Requantizer,
    zero_point: i32,
    out: &mut [i8],
) {
    for (&v, out) in row.iter().zip(out) {
        let q = narrow.apply(v.into()).wrapping_add(zero_point);
        *out = q.clamp(i8::MIN as i32, i8::MAX as i32) as i8;
    }
}

/// What brings a row whose largest magnitude is known to -127..=127.
#[inline]
pub(in crate::kernels) fn symmetric(largest: u32) -> Requantizer {
    Requantizer::new(largest, 127.0 / largest as f32)
}

/// Calls `quantize` for each head of each row; it returns the largest magnitude.
#[inline]
pub(in crate::kernels) fn quantize_heads(
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
pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    for (&q, out) in row.iter().zip(out) {
        *out = mul_q15(q as i32, ratio as i32) as i8;
    }
}
