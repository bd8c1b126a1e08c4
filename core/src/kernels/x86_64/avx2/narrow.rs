//! Activation functions, and numbers brought to 8 bits.

use super::vectors::{
    HALF, Narrowing, load, load_bytes, load_halves, saturate, saturate_to_bytes, store,
    store_bytes, store_halves,
};
use crate::fixed::Requantizer;
use crate::kernels::scalar::{self, GELU_ERF, GELU_TANH};
use crate::shape::{Activation, BLOCK};
use core::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    let lines = (input.as_chunks::<BLOCK>().0.iter()).zip(out.as_chunks_mut::<BLOCK>().0);
    match kind {
        Activation::GeluErf => {
            let gelu = Gelu::new(fraction_bits, &GELU_ERF);
            lines.for_each(|(input, out)| store_halves(out, gelu.apply(load_saturated(input))));
        }
        Activation::GeluTanh => {
            let gelu = Gelu::new(fraction_bits, &GELU_TANH);
            lines.for_each(|(input, out)| store_halves(out, gelu.apply(load_saturated(input))));
        }
        Activation::Relu => lines.for_each(|(input, out)| {
            let v = load_saturated(input);
            store_halves(out, _mm256_max_epi16(v, _mm256_setzero_si256()));
        }),
    }
}

/// 16 numbers in 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn load_saturated(input: &[i32; BLOCK]) -> __m256i {
    saturate(load_both(input))
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_both(numbers: &[i32; BLOCK]) -> [__m256i; 2] {
    // SAFETY: 16 numbers fill two vectors.
    [0, HALF].map(|at| unsafe { _mm256_loadu_si256(numbers.as_ptr().add(at).cast()) })
}

/// The scalar function of that name, which has the comments.
struct Gelu {
    most: __m256i,
    /// Shifts, as what to multiply with.
    scale: __m256i,
    unscale: __m256i,
    bump: [__m256i; 8],
}

impl Gelu {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(bits: u32, bump: &[i16; 8]) -> Self {
        Gelu {
            most: _mm256_set1_epi16((1 << (bits + 2)) - 1),
            scale: _mm256_set1_epi16(1 << (14 - bits)),
            unscale: _mm256_set1_epi16(1 << (bits - 1)),
            bump: bump.map(|c| _mm256_set1_epi16(c)),
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn apply(&self, u: __m256i) -> __m256i {
        let magnitude = _mm256_min_epu16(_mm256_abs_epi16(u), self.most);
        let s = _mm256_mullo_epi16(magnitude, self.scale);
        let s = _mm256_xor_si256(s, _mm256_set1_epi16(i16::MIN));
        let [rest @ .., highest] = &self.bump;
        let mut p = *highest;
        for &c in rest.iter().rev() {
            p = _mm256_add_epi16(_mm256_mulhrs_epi16(p, s), c);
        }
        // A rounded product is a rounded shift.
        let bump = _mm256_mulhrs_epi16(p, self.unscale);
        _mm256_sub_epi16(_mm256_max_epi16(u, _mm256_setzero_si256()), bump)
    }
}

#[target_feature(enable = "avx2")]
pub fn quantize(row: &[i32], narrow: Requantizer, out: &mut [i8]) {
    let narrow = Narrowing::new(narrow);
    let blocks = row.as_chunks::<BLOCK>().0.iter();
    for (block, out) in blocks.zip(out.as_chunks_mut::<BLOCK>().0) {
        let [first, last] = load_both(block);
        let halves = saturate([narrow.apply(first), narrow.apply(last)]);
        store_bytes(out, saturate_to_bytes(halves));
    }
}

#[target_feature(enable = "avx2")]
pub fn quantize_activated(row: &[i16], narrow: Requantizer, zero_point: i32, out: &mut [i8]) {
    let (Ok(multiplier), -256..=256) = (i16::try_from(narrow.multiplier), zero_point) else {
        return scalar::quantize(row, narrow, zero_point, out);
    };
    let pre_shift = _mm_cvtsi32_si128(narrow.pre_shift as i32);
    let shift = _mm_cvtsi32_si128(narrow.shift as i32);
    let rounding = _mm256_set1_epi32(((1u32 << narrow.shift) >> 1) as i32);
    let even = _mm256_set1_epi32(multiplier as u16 as i32);
    let odd = _mm256_slli_epi32(even, 16);
    let zero_point = _mm256_set1_epi16(zero_point as i16);
    // Eight numbers, even ones first, become alternating.
    let alternate = _mm_set_epi32(0x0f0b_0e0a, 0x0d09_0c08, 0x0703_0602, 0x0501_0400);
    let blocks = row.as_chunks::<BLOCK>().0.iter();
    for (block, out) in blocks.zip(out.as_chunks_mut::<BLOCK>().0) {
        let v = _mm256_sra_epi16(load_halves(block), pre_shift);
        let [even, odd] = [even, odd].map(|multiplier| {
            let product = _mm256_add_epi32(_mm256_madd_epi16(v, multiplier), rounding);
            _mm256_sra_epi32(product, shift)
        });
        let halves = _mm256_adds_epi16(_mm256_packs_epi32(even, odd), zero_point);
        store_bytes(out, _mm_shuffle_epi8(saturate_to_bytes(halves), alternate));
    }
}

#[target_feature(enable = "avx2")]
pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    let ratio = _mm256_set1_epi16(ratio);
    let blocks = row.as_chunks::<BLOCK>().0.iter();
    for (block, out) in blocks.zip(out.as_chunks_mut::<BLOCK>().0) {
        let scaled = _mm256_mulhrs_epi16(_mm256_cvtepi8_epi16(load_bytes(block)), ratio);
        store_bytes(out, saturate_to_bytes(scaled));
    }
}

#[target_feature(enable = "avx2")]
pub fn range(row: &[i32]) -> (i32, i32) {
    let (halves, rest) = row.as_chunks::<HALF>();
    let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for half in halves {
        low = _mm256_min_epi32(low, load(half));
        high = _mm256_max_epi32(high, load(half));
    }
    let (rest_low, rest_high) = scalar::range(rest);
    let mut lanes = [[0; HALF]; 2];
    store(&mut lanes[0], low);
    store(&mut lanes[1], high);
    (
        scalar::range(&lanes[0]).0.min(rest_low),
        scalar::range(&lanes[1]).1.max(rest_high),
    )
}

#[target_feature(enable = "avx2")]
pub fn range_activated(row: &[i16]) -> (i32, i32) {
    let (blocks, rest) = row.as_chunks::<BLOCK>();
    let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for block in blocks {
        low = _mm256_min_epi16(low, load_halves(block));
        high = _mm256_max_epi16(high, load_halves(block));
    }
    let (rest_low, rest_high) = scalar::range(rest);
    let mut lanes = [[0; BLOCK]; 2];
    store_halves(&mut lanes[0], low);
    store_halves(&mut lanes[1], high);
    (
        scalar::range(&lanes[0]).0.min(rest_low),
        scalar::range(&lanes[1]).1.max(rest_high),
    )
}

#[target_feature(enable = "avx2")]
pub fn max_abs(row: &[i32]) -> u32 {
    scalar::max_abs(row)
}
