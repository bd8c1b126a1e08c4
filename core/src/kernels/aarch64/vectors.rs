//! Sixteen numbers at a time, from and to memory, and the arithmetic of [`crate::fixed`] on them.

use crate::fixed::{FixedMultiplier, Requantizer};
use core::arch::aarch64::*;

pub type Words = [int32x4_t; 4];
pub type Halves = [int16x8_t; 2];

#[inline]
#[target_feature(enable = "neon")]
pub fn load_words(numbers: &[i32; 16]) -> Words {
    // SAFETY: there are 16.
    let int32x4x4_t(a, b, c, d) = unsafe { vld1q_s32_x4(numbers.as_ptr()) };
    [a, b, c, d]
}

#[inline]
#[target_feature(enable = "neon")]
pub fn store_words([a, b, c, d]: Words, numbers: &mut [i32; 16]) {
    // SAFETY: there is room for 16.
    unsafe { vst1q_s32_x4(numbers.as_mut_ptr(), int32x4x4_t(a, b, c, d)) }
}

#[inline]
#[target_feature(enable = "neon")]
pub fn load_halves(numbers: &[i16; 16]) -> Halves {
    // SAFETY: there are 16.
    let int16x8x2_t(a, b) = unsafe { vld1q_s16_x2(numbers.as_ptr()) };
    [a, b]
}

#[inline]
#[target_feature(enable = "neon")]
pub fn store_halves([a, b]: Halves, numbers: &mut [i16; 16]) {
    // SAFETY: there is room for 16.
    unsafe { vst1q_s16_x2(numbers.as_mut_ptr(), int16x8x2_t(a, b)) }
}

#[inline]
#[target_feature(enable = "neon")]
pub fn load_bytes(numbers: &[i8; 16]) -> int8x16_t {
    // SAFETY: there are 16.
    unsafe { vld1q_s8(numbers.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
pub fn store_bytes(bytes: int8x16_t, numbers: &mut [i8; 16]) {
    // SAFETY: there is room for 16.
    unsafe { vst1q_s8(numbers.as_mut_ptr(), bytes) }
}

/// In 16 bits, saturated.
#[inline]
#[target_feature(enable = "neon")]
pub fn saturate_words([a, b, c, d]: Words) -> Halves {
    [
        vqmovn_high_s32(vqmovn_s32(a), b),
        vqmovn_high_s32(vqmovn_s32(c), d),
    ]
}

/// In 8 bits, saturated.
#[inline]
#[target_feature(enable = "neon")]
pub fn saturate_halves([a, b]: Halves) -> int8x16_t {
    vqmovn_high_s16(vqmovn_s16(a), b)
}

/// The same number in all lanes, to shift left by.
#[inline]
#[target_feature(enable = "neon")]
pub fn left(shift: u32) -> int32x4_t {
    vdupq_n_s32(shift as i32)
}

/// The same to shift right by.
#[inline]
#[target_feature(enable = "neon")]
pub fn right(shift: u32) -> int32x4_t {
    vdupq_n_s32((shift as i32).wrapping_neg())
}

/// A [`FixedMultiplier`] in all lanes.
#[derive(Clone, Copy)]
pub struct FactorVectors {
    multiplier: int32x4_t,
    right: int32x4_t,
}

impl FactorVectors {
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn new(factor: FixedMultiplier) -> Self {
        FactorVectors {
            multiplier: vdupq_n_s32(factor.multiplier),
            right: right(factor.shift),
        }
    }

    /// Multipliers are below 2^30, so that rounding does not overflow.
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn apply(self, v: int32x4_t) -> int32x4_t {
        vrshlq_s32(vqdmulhq_s32(v, self.multiplier), self.right)
    }
}

/// A [`Requantizer`] in all lanes.
#[derive(Clone, Copy)]
pub struct NarrowVectors {
    pre: int32x4_t,
    multiplier: int32x4_t,
    rounding: int32x4_t,
    right: int32x4_t,
}

impl NarrowVectors {
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn new(narrow: Requantizer) -> Self {
        NarrowVectors {
            pre: right(narrow.pre_shift),
            multiplier: vdupq_n_s32(narrow.multiplier),
            rounding: vdupq_n_s32(((1u32 << narrow.shift) >> 1) as i32),
            right: right(narrow.shift),
        }
    }

    /// With a rounding that may wrap, as the definition's does.
    #[inline]
    #[target_feature(enable = "neon")]
    pub fn apply(self, v: int32x4_t) -> int32x4_t {
        let scaled = vmulq_s32(vshlq_s32(v, self.pre), self.multiplier);
        vshlq_s32(vaddq_s32(scaled, self.rounding), self.right)
    }
}
