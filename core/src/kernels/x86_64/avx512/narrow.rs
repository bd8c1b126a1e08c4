//! Activation functions, and numbers brought to 8 bits.

use super::vectors::{Narrowing, count, load, load_halves, saturate, store_bytes, store_halves};
use crate::fixed::Requantizer;
use crate::kernels::Heads;
use crate::kernels::scalar::{self, GELU_ERF, GELU_TANH};
use crate::shape::{Activation, BLOCK};
use core::arch::x86_64::*;

/// Numbers of a vector of 16-bit ones.
const STEP: usize = 2 * BLOCK;

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    let (inputs, rest) = input.as_chunks::<STEP>();
    let (outs, rest_out) = out.as_chunks_mut::<STEP>();
    if inputs.len() == outs.len() {
        scalar::activate(kind, fraction_bits, rest, rest_out);
    }
    let lines = inputs.iter().zip(outs);
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
            store_halves(
                out,
                _mm512_max_epi16(load_saturated(input), _mm512_setzero_si512()),
            );
        }),
    }
}

/// 32 numbers in 16 bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn load_saturated(input: &[i32; STEP]) -> __m512i {
    // SAFETY: 32 numbers fill two vectors.
    saturate([0, BLOCK].map(|at| unsafe { _mm512_loadu_si512(input.as_ptr().add(at).cast()) }))
}

/// The scalar function of that name, which has the comments.
struct Gelu {
    most: __m512i,
    /// Shifts, as what to multiply with.
    scale: __m512i,
    unscale: __m512i,
    bump: [__m512i; 8],
}

impl Gelu {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn new(bits: u32, bump: &[i16; 8]) -> Self {
        Gelu {
            most: _mm512_set1_epi16((1 << (bits + 2)) - 1),
            scale: _mm512_set1_epi16(1 << (14 - bits)),
            unscale: _mm512_set1_epi16(1 << (bits - 1)),
            bump: bump.map(|c| _mm512_set1_epi16(c)),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn apply(&self, u: __m512i) -> __m512i {
        let magnitude = _mm512_min_epu16(_mm512_abs_epi16(u), self.most);
        let s = _mm512_mullo_epi16(magnitude, self.scale);
        let s = _mm512_xor_si512(s, _mm512_set1_epi16(i16::MIN));
        let [rest @ .., highest] = &self.bump;
        let mut p = *highest;
        for &c in rest.iter().rev() {
            p = _mm512_add_epi16(_mm512_mulhrs_epi16(p, s), c);
        }
        // A rounded product is a rounded shift.
        let bump = _mm512_mulhrs_epi16(p, self.unscale);
        _mm512_sub_epi16(_mm512_max_epi16(u, _mm512_setzero_si512()), bump)
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn quantize(row: &[i32], narrow: Requantizer, out: &mut [i8]) {
    let (blocks, rest) = row.as_chunks::<BLOCK>();
    let (outs, rest_out) = out.as_chunks_mut::<BLOCK>();
    if blocks.len() == outs.len() {
        scalar::quantize(rest, narrow, 0, rest_out);
    }
    let narrow = Narrowing::new(narrow);
    for (block, out) in blocks.iter().zip(outs) {
        store_bytes(out, _mm512_cvtsepi32_epi8(narrow.apply(load(block))));
    }
}

/// In one piece, so that a row's scale is computed while the numbers of others are.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn quantize_heads(sums: &[i32], width: usize, out: Heads<'_>) {
    scalar::quantize_heads(sums, width, out, |sums, out| {
        let largest = max_abs(sums);
        quantize(sums, scalar::symmetric(largest), out);
        largest
    });
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn quantize_activated(row: &[i16], narrow: Requantizer, zero_point: i32, out: &mut [i8]) {
    let (Ok(multiplier), -256..=256) = (i16::try_from(narrow.multiplier), zero_point) else {
        return scalar::quantize(row, narrow, zero_point, out);
    };
    let (blocks, rest) = row.as_chunks::<{ 2 * STEP }>();
    let (outs, rest_out) = out.as_chunks_mut::<{ 2 * STEP }>();
    if blocks.len() == outs.len() {
        scalar::quantize(rest, narrow, zero_point, rest_out);
    }
    // Of 16 bits, a shift by 15 leaves the sign alone, and so does any longer one.
    let pre_shift = _mm_cvtsi32_si128(narrow.pre_shift as i32);
    let rounding = _mm512_set1_epi32(((1u32 << narrow.shift) >> 1) as i32);
    let shift = count(narrow.shift);
    let even = _mm512_set1_epi32(multiplier as u16 as i32);
    let odd = _mm512_slli_epi32(even, 16);
    let zero_point = _mm512_set1_epi16(zero_point as i16);
    let narrow = |v: __m512i| {
        let v = _mm512_sra_epi16(v, pre_shift);
        let even = _mm512_srav_epi32(_mm512_dpwssd_epi32(rounding, v, even), shift);
        let odd = _mm512_srav_epi32(_mm512_dpwssd_epi32(rounding, v, odd), shift);
        _mm512_adds_epi16(_mm512_packs_epi32(even, odd), zero_point)
    };
    // Eight numbers, even ones first, become alternating; then eights of the first 32 come first.
    let alternate = _mm512_set4_epi32(0x0f0b_0e0a, 0x0d09_0c08, 0x0703_0602, 0x0501_0400);
    let order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    for (block, out) in blocks.iter().zip(outs) {
        let [first, last] = block.as_chunks::<STEP>().0 else {
            continue;
        };
        let bytes = _mm512_packs_epi16(narrow(load_halves(first)), narrow(load_halves(last)));
        let bytes = _mm512_shuffle_epi8(bytes, alternate);
        let bytes = _mm512_permutexvar_epi64(order, bytes);
        // SAFETY: `out` has 64 bytes.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), bytes) };
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    let (blocks, rest) = row.as_chunks::<STEP>();
    let (outs, rest_out) = out.as_chunks_mut::<STEP>();
    if blocks.len() == outs.len() {
        scalar::scale_down(rest, ratio, rest_out);
    }
    let ratio = _mm512_set1_epi16(ratio);
    for (block, out) in blocks.iter().zip(outs) {
        // SAFETY: both have 32 bytes.
        unsafe {
            let halves = _mm512_cvtepi8_epi16(_mm256_loadu_si256(block.as_ptr().cast()));
            let scaled = _mm512_cvtepi16_epi8(_mm512_mulhrs_epi16(halves, ratio));
            _mm256_storeu_si256(out.as_mut_ptr().cast(), scaled);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn range(row: &[i32]) -> (i32, i32) {
    scalar::range(row)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn range_activated(row: &[i16]) -> (i32, i32) {
    let (blocks, rest) = row.as_chunks::<STEP>();
    let (mut low, mut high) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for block in blocks {
        low = _mm512_min_epi16(low, load_halves(block));
        high = _mm512_max_epi16(high, load_halves(block));
    }
    let (rest_low, rest_high) = scalar::range(rest);
    let mut ends = [[0; STEP]; 2];
    store_halves(&mut ends[0], low);
    store_halves(&mut ends[1], high);
    let (low, _) = scalar::range(&ends[0]);
    let (_, high) = scalar::range(&ends[1]);
    (low.min(rest_low), high.max(rest_high))
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub fn max_abs(row: &[i32]) -> u32 {
    scalar::max_abs(row)
}
