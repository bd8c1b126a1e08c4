//! Activation functions, 16 numbers at a time, in 16 bits.

use super::vectors::*;
use crate::kernels::scalar::{self, GELU_ERF, GELU_TANH};
use crate::shape::Activation;
use core::arch::aarch64::*;

#[target_feature(enable = "neon")]
pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    let (blocks, rest) = input.as_chunks::<16>();
    if !(4..=12).contains(&fraction_bits) || out.len() < blocks.len() * 16 {
        return scalar::activate(kind, fraction_bits, input, out);
    }
    let (out, rest_out) = out.split_at_mut(blocks.len() * 16);
    let pairs = blocks.iter().zip(out.as_chunks_mut().0);
    let halves = |block| saturate_words(load_words(block));
    match kind {
        Activation::GeluErf => {
            let gelu = Gelu::new(fraction_bits, GELU_ERF);
            pairs.for_each(|(block, out)| store_halves(halves(block).map(|u| gelu.apply(u)), out));
        }
        Activation::GeluTanh => {
            let gelu = Gelu::new(fraction_bits, GELU_TANH);
            pairs.for_each(|(block, out)| store_halves(halves(block).map(|u| gelu.apply(u)), out));
        }
        Activation::Relu => pairs.for_each(|(block, out)| {
            store_halves(halves(block).map(|u| vmaxq_s16(u, vdupq_n_s16(0))), out);
        }),
    }
    scalar::activate(kind, fraction_bits, rest, rest_out);
}

/// [`scalar::gelu`] with its numbers in all lanes.
struct Gelu {
    most: int16x8_t,
    left: int16x8_t,
    coefficients: [int16x8_t; 8],
    right: int16x8_t,
}

impl Gelu {
    #[target_feature(enable = "neon")]
    fn new(bits: u32, bump: [i16; 8]) -> Self {
        Gelu {
            most: vdupq_n_s16((1 << (bits + 2)) - 1),
            left: vdupq_n_s16(14 - bits as i16),
            coefficients: bump.map(|c| vdupq_n_s16(c)),
            right: vdupq_n_s16(bits as i16 - 16),
        }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    fn apply(&self, u: int16x8_t) -> int16x8_t {
        let magnitude = vminq_s16(vqabsq_s16(u), self.most);
        // Less 32768.
        let s = veorq_s16(vshlq_s16(magnitude, self.left), vdupq_n_s16(i16::MIN));
        let [rest @ .., highest] = self.coefficients;
        let p = rest
            .into_iter()
            .rev()
            .fold(highest, |p, c| vaddq_s16(vqrdmulhq_s16(p, s), c));
        vsubq_s16(vmaxq_s16(u, vdupq_n_s16(0)), vrshlq_s16(p, self.right))
    }
}
