//! int4 weights: a shuffle looks the products of a multiplier up.

use crate::blob::PAIR;
use crate::kernels::scalar::NIBBLE_PRODUCTS;
use crate::shape::BLOCK;
use core::arch::x86_64::*;

#[target_feature(enable = "avx2")]
pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let mask = _mm_set1_epi8(15);
    let pairs = nibbles.as_chunks::<BLOCK>().0.iter().zip(multipliers);
    for ((nibbles, &m), out) in pairs.zip(out.as_chunks_mut::<PAIR>().0) {
        let products = |m: u8| load(&NIBBLE_PRODUCTS[usize::from(m)]);
        let nibbles = load(nibbles);
        let low = _mm_and_si128(nibbles, mask);
        let high = _mm_and_si128(_mm_srli_epi16(nibbles, 4), mask);
        let low = _mm_shuffle_epi8(products(m & 15), low);
        let high = _mm_shuffle_epi8(products(m >> 4), high);
        // SAFETY: `out` has 32 bytes, of which each store writes a half.
        unsafe {
            let out = out.as_mut_ptr().cast::<__m128i>();
            _mm_storeu_si128(out, low);
            _mm_storeu_si128(out.add(1), high);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[i8; BLOCK]) -> __m128i {
    // SAFETY: reads the 16 bytes.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}
