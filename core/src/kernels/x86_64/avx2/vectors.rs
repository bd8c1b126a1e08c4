//! What all of the set's operations are made of: 8 numbers of 32 bits, twice.

use crate::fixed::{FixedMultiplier, Requantizer};
use crate::shape::BLOCK;
use core::arch::x86_64::*;

/// Numbers of a vector.
pub const HALF: usize = BLOCK / 2;

#[inline]
#[target_feature(enable = "avx2")]
pub fn load(numbers: &[i32; HALF]) -> __m256i {
    // SAFETY: 8 numbers fill a vector.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub fn store(numbers: &mut [i32; HALF], vector: __m256i) {
    // SAFETY: 8 numbers hold a vector.
    unsafe { _mm256_storeu_si256(numbers.as_mut_ptr().cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub fn load_halves(numbers: &[i16; BLOCK]) -> __m256i {
    // SAFETY: 16 numbers fill a vector.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub fn store_halves(numbers: &mut [i16; BLOCK], vector: __m256i) {
    // SAFETY: 16 numbers hold a vector.
    unsafe { _mm256_storeu_si256(numbers.as_mut_ptr().cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub fn load_bytes(numbers: &[i8; BLOCK]) -> __m128i {
    // SAFETY: 16 bytes fill the vector.
    unsafe { _mm_loadu_si128(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub fn store_bytes(numbers: &mut [i8; BLOCK], vector: __m128i) {
    // SAFETY: 16 bytes hold the vector.
    unsafe { _mm_storeu_si128(numbers.as_mut_ptr().cast(), vector) }
}

/// 16 numbers of 32 bits, in order, saturated to 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub fn saturate([first, last]: [__m256i; 2]) -> __m256i {
    _mm256_permute4x64_epi64(_mm256_packs_epi32(first, last), 0b11_01_10_00)
}

/// 16 numbers of 16 bits, in order, saturated to 8 bits.
#[inline]
#[target_feature(enable = "avx2")]
pub fn saturate_to_bytes(v: __m256i) -> __m128i {
    _mm_packs_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1))
}

/// Products of 8 pairs, of which one is doubled: the upper halves are [`crate::fixed::mul_q31`].
///
/// Even and odd lanes are multiplied apart, as the instruction takes only even ones.
#[derive(Clone, Copy)]
pub struct Products {
    even: __m256i,
    odd: __m256i,
}

impl Products {
    /// `a` times `doubled`, whose odd lanes are `doubled_odd`.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn new(a: __m256i, doubled: __m256i, doubled_odd: __m256i) -> Self {
        Products {
            even: _mm256_mul_epi32(a, doubled),
            odd: _mm256_mul_epi32(_mm256_srli_epi64(a, 32), doubled_odd),
        }
    }

    /// `a` times each of `multipliers`, which are below 2^30.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn each(a: __m256i, multipliers: __m256i) -> Self {
        let doubled = _mm256_slli_epi32(multipliers, 1);
        Self::new(a, doubled, _mm256_srli_epi64(doubled, 32))
    }

    /// These products, once more multiplied: by `doubled` in all lanes.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn times(self, doubled: __m256i) -> Self {
        Products {
            even: _mm256_mul_epi32(_mm256_srli_epi64(self.even, 32), doubled),
            odd: _mm256_mul_epi32(_mm256_srli_epi64(self.odd, 32), doubled),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn upper_halves(self) -> __m256i {
        _mm256_blend_epi32(_mm256_srli_epi64(self.even, 32), self.odd, 0b1010_1010)
    }
}

/// A [`FixedMultiplier`] in vectors.
#[derive(Clone, Copy)]
pub struct Scaling {
    doubled: __m256i,
    rounding: __m256i,
    shift: __m128i,
}

impl Scaling {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn new(factor: FixedMultiplier) -> Self {
        Scaling {
            doubled: _mm256_set1_epi32(factor.multiplier << 1),
            rounding: _mm256_set1_epi32(((1u32 << factor.shift) >> 1) as i32),
            shift: _mm_cvtsi32_si128(factor.shift as i32),
        }
    }

    /// [`FixedMultiplier::apply`].
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn apply(self, v: __m256i) -> __m256i {
        self.round(Products::new(v, self.doubled, self.doubled))
    }

    /// [`FixedMultiplier::apply`] of [`crate::fixed::mul_q31`].
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn apply_to(self, products: Products) -> __m256i {
        self.round(products.times(self.doubled))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn round(self, products: Products) -> __m256i {
        let rounded = _mm256_add_epi32(products.upper_halves(), self.rounding);
        _mm256_sra_epi32(rounded, self.shift)
    }
}

/// A [`Requantizer`] in vectors.
#[derive(Clone, Copy)]
pub struct Narrowing {
    pre_shift: __m128i,
    multiplier: __m256i,
    rounding: __m256i,
    shift: __m128i,
}

impl Narrowing {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn new(narrow: Requantizer) -> Self {
        Narrowing {
            pre_shift: _mm_cvtsi32_si128(narrow.pre_shift as i32),
            multiplier: _mm256_set1_epi32(narrow.multiplier),
            rounding: _mm256_set1_epi32(((1u32 << narrow.shift) >> 1) as i32),
            shift: _mm_cvtsi32_si128(narrow.shift as i32),
        }
    }

    /// [`Requantizer::apply`].
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn apply(self, v: __m256i) -> __m256i {
        let product = _mm256_mullo_epi32(_mm256_sra_epi32(v, self.pre_shift), self.multiplier);
        _mm256_sra_epi32(_mm256_add_epi32(product, self.rounding), self.shift)
    }
}
