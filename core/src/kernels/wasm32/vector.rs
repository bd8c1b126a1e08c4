//! What the kernels share: loads and stores of whole vectors, and the operations of
//! [`crate::fixed`].

use crate::fixed::{FixedMultiplier, Requantizer};
use crate::shape::BLOCK;
use core::arch::wasm32::*;

/// Elements of which 16 bytes are a vector.
pub trait Lane: Copy {}

impl Lane for i8 {}
impl Lane for i16 {}
impl Lane for i32 {}

/// 16 bytes of elements.
#[inline(always)]
pub fn load<T: Lane, const N: usize>(elements: &[T; N]) -> v128 {
    const { assert!(size_of::<[T; N]>() >= size_of::<v128>()) }
    // SAFETY: the array is 16 bytes long or more, and any bytes are a vector.
    unsafe { v128_load(elements.as_ptr().cast()) }
}

/// Writes 16 bytes of elements.
#[inline(always)]
pub fn store<T: Lane, const N: usize>(vector: v128, elements: &mut [T; N]) {
    const { assert!(size_of::<[T; N]>() >= size_of::<v128>()) }
    // SAFETY: the array is 16 bytes long or more, and any bytes are numbers.
    unsafe { v128_store(elements.as_mut_ptr().cast(), vector) }
}

/// A block in vectors of 32-bit elements.
#[inline(always)]
pub fn quarters<T>(block: &[T; BLOCK]) -> [&[T; 4]; 4] {
    let quarters = block.as_chunks::<4>().0;
    [&quarters[0], &quarters[1], &quarters[2], &quarters[3]]
}

/// A block in vectors of 16-bit elements.
#[inline(always)]
pub fn halves<T>(block: &[T; BLOCK]) -> [&[T; 8]; 2] {
    let halves = block.as_chunks::<8>().0;
    [&halves[0], &halves[1]]
}

/// [`crate::fixed::mul_q31`] with `2 * b`, which multipliers below 2^30 leave room for: the high
/// halves of the products.
#[inline(always)]
pub fn mul_q31(a: v128, doubled: v128) -> v128 {
    let low = i64x2_extmul_low_i32x4(a, doubled);
    let high = i64x2_extmul_high_i32x4(a, doubled);
    i32x4_shuffle::<1, 3, 5, 7>(low, high)
}

/// Twice the multipliers, for [`mul_q31`].
#[inline(always)]
pub fn doubled(multipliers: v128) -> v128 {
    i32x4_add(multipliers, multipliers)
}

/// A [`FixedMultiplier`] for four numbers at a time.
#[derive(Clone, Copy)]
pub struct Factors {
    doubled: v128,
    rounding: v128,
    shift: u32,
}

impl From<FixedMultiplier> for Factors {
    #[inline(always)]
    fn from(factor: FixedMultiplier) -> Self {
        Factors {
            doubled: doubled(i32x4_splat(factor.multiplier)),
            rounding: rounding(factor.shift),
            shift: factor.shift,
        }
    }
}

impl Factors {
    /// [`FixedMultiplier::apply`].
    #[inline(always)]
    pub fn apply(&self, v: v128) -> v128 {
        // SAFETY: a reference is read. Were it not volatile, LLVM would take the widening out of
        // the loop, where `extmul` has it for nothing, and leave multiplications of 64 bits.
        let doubled = unsafe { (&raw const self.doubled).read_volatile() };
        let product = mul_q31(v, doubled);
        i32x4_shr(i32x4_add(product, self.rounding), self.shift)
    }
}

/// A [`Requantizer`] for four numbers at a time.
#[derive(Clone, Copy)]
pub struct Narrows {
    pre_shift: u32,
    multiplier: v128,
    rounding: v128,
    shift: u32,
}

impl From<Requantizer> for Narrows {
    #[inline(always)]
    fn from(narrow: Requantizer) -> Self {
        Narrows {
            pre_shift: narrow.pre_shift,
            multiplier: i32x4_splat(narrow.multiplier),
            rounding: rounding(narrow.shift),
            shift: narrow.shift,
        }
    }
}

impl Narrows {
    /// [`Requantizer::apply`].
    #[inline(always)]
    pub fn apply(&self, v: v128) -> v128 {
        let product = i32x4_mul(i32x4_shr(v, self.pre_shift), self.multiplier);
        i32x4_shr(i32x4_add(product, self.rounding), self.shift)
    }
}

/// Half of what a shift divides by.
#[inline(always)]
fn rounding(shift: u32) -> v128 {
    i32x4_splat(((1u32 << shift) >> 1) as i32)
}
