//! LayerNorm.

use crate::fixed::{FixedMultiplier, mul_q31};

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
pub(in crate::kernels) fn mean(sum: i64, hidden: usize) -> i32 {
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
pub(in crate::kernels) fn normalizer(
    squares: u64,
    mean: i32,
    width: usize,
    hidden: usize,
    epsilon: f32,
) -> (u32, FixedMultiplier) {
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
    (shift, FixedMultiplier::new(factor))
}
