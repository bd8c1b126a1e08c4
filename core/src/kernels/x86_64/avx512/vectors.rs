//! What all of the set's operations are made of: 16 numbers of 32 bits.

use crate::fixed::{FixedMultiplier, Requantizer};
use crate::shape::BLOCK;
use core::arch::x86_64::*;

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn load(numbers: &[i32; BLOCK]) -> __m512i {
    // SAFETY: 16 numbers fill a vector.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn store(numbers: &mut [i32; BLOCK], vector: __m512i) {
    // SAFETY: 16 numbers hold a vector.
    unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn load_bytes(numbers: &[i8; BLOCK]) -> __m128i {
    // SAFETY: 16 bytes fill the vector.
    unsafe { _mm_loadu_si128(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn store_bytes(numbers: &mut [i8; BLOCK], vector: __m128i) {
    // SAFETY: 16 bytes hold the vector.
    unsafe { _mm_storeu_si128(numbers.as_mut_ptr().cast(), vector) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn load_halves(numbers: &[i16; 2 * BLOCK]) -> __m512i {
    // SAFETY: 32 numbers fill a vector.
    unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn store_halves(numbers: &mut [i16; 2 * BLOCK], vector: __m512i) {
    // SAFETY: 32 numbers hold a vector.
    unsafe { _mm512_storeu_si512(numbers.as_mut_ptr().cast(), vector) }
}

/// 32 numbers of 32 bits, in order, saturated to 16 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn saturate([first, last]: [__m512i; 2]) -> __m512i {
    let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    _mm512_permutexvar_epi64(order, _mm512_packs_epi32(first, last))
}

/// A count of bits for shifts by a vector.
///
/// It comes in pairs: of one number, the compiler would make the slower shift by a scalar.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn count(bits: u32) -> __m512i {
    _mm512_set1_epi64(bits as i64 * 0x1_0000_0001)
}

/// Products of 16 pairs, of which one is doubled: the upper halves are [`crate::fixed::mul_q31`].
///
/// Even and odd lanes are multiplied apart, as the instruction takes only even ones.
#[derive(Clone, Copy)]
pub struct Products {
    even: __m512i,
    odd: __m512i,
}

impl Products {
    /// `a` times `doubled`, whose odd lanes are `doubled_odd`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn new(a: __m512i, doubled: __m512i, doubled_odd: __m512i) -> Self {
        Products {
            even: _mm512_mul_epi32(a, doubled),
            odd: _mm512_mul_epi32(_mm512_srli_epi64(a, 32), doubled_odd),
        }
    }

    /// `a` times each of `multipliers`, which are below 2^30.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn each(a: __m512i, multipliers: __m512i) -> Self {
        let doubled = _mm512_slli_epi32(multipliers, 1);
        Self::new(a, doubled, _mm512_srli_epi64(doubled, 32))
    }

    /// These products, once more multiplied: by `doubled` in all lanes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn times(self, doubled: __m512i) -> Self {
        Products {
            even: _mm512_mul_epi32(_mm512_srli_epi64(self.even, 32), doubled),
            odd: _mm512_mul_epi32(_mm512_srli_epi64(self.odd, 32), doubled),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn upper_halves(self) -> __m512i {
        _mm512_mask_shuffle_epi32(self.odd, 0x5555, self.even, 0b11_11_01_01)
    }
}

/// A [`FixedMultiplier`] in vectors.
#[derive(Clone, Copy)]
pub struct Scaling {
    doubled: __m512i,
    rounding: __m512i,
    shift: __m512i,
}

impl Scaling {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn new(factor: FixedMultiplier) -> Self {
        Scaling {
            doubled: _mm512_set1_epi32(factor.multiplier << 1),
            rounding: _mm512_set1_epi32(((1u32 << factor.shift) >> 1) as i32),
            shift: count(factor.shift),
        }
    }

    /// [`FixedMultiplier::apply`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn apply(self, v: __m512i) -> __m512i {
        self.round(Products::new(v, self.doubled, self.doubled))
    }

    /// [`FixedMultiplier::apply`] of [`crate::fixed::mul_q31`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn apply_to(self, products: Products) -> __m512i {
        self.round(products.times(self.doubled))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn round(self, products: Products) -> __m512i {
        let rounded = _mm512_add_epi32(products.upper_halves(), self.rounding);
        _mm512_srav_epi32(rounded, self.shift)
    }
}

/// A [`Requantizer`] in vectors.
#[derive(Clone, Copy)]
pub struct Narrowing {
    pre_shift: __m512i,
    multiplier: __m512i,
    rounding: __m512i,
    shift: __m512i,
}

impl Narrowing {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn new(narrow: Requantizer) -> Self {
        Narrowing {
            pre_shift: count(narrow.pre_shift),
            multiplier: _mm512_set1_epi32(narrow.multiplier),
            rounding: _mm512_set1_epi32(((1u32 << narrow.shift) >> 1) as i32),
            shift: count(narrow.shift),
        }
    }

    /// [`Requantizer::apply`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    pub fn apply(self, v: __m512i) -> __m512i {
        let product = _mm512_mullo_epi32(_mm512_srav_epi32(v, self.pre_shift), self.multiplier);
        _mm512_srav_epi32(_mm512_add_epi32(product, self.rounding), self.shift)
    }
}

/// The order that turns four fours around: first the first of each, then the second.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn lanes_of_fours() -> __m512i {
    _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)
}

/// Sums of 16 fours, in their order.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn fours([a, b, c, d]: [__m512i; 4]) -> __m512i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    _mm512_permutexvar_epi32(lanes_of_fours(), all)
}
