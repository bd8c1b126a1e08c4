//! Activation functions.

use crate::fixed::horner_q15;
use crate::shape::Activation;

/// `2 a (1 - Phi(a))` in Q15 over `a = 2 (s + 1)`, `s` in Q15: what GELU takes from `max(u, 0)`
/// at `|u| = a`, doubled; minimax polynomials of degree 7, error 4e-4, constant term first.
pub(in crate::kernels) const GELU_ERF: [i16; 8] =
    [2972, -11245, 14540, 935, -21351, 15666, 3830, -5352];
/// The same for the tanh approximation of Phi.
pub(in crate::kernels) const GELU_TANH: [i16; 8] =
    [2966, -11348, 14525, 1291, -21314, 15238, 3813, -5178];

/// GELU (arXiv 1606.08415) of `u` with `bits` fraction bits, 4 to 12: `max(u, 0)` less an even
/// bump that vanishes for `|u| > 4`.
pub(super) fn gelu(u: i32, bits: u32, bump: &[i16; 8]) -> i16 {
    let magnitude = (u.abs()).min((1 << (bits + 2)) - 1);
    let s = (magnitude << (14 - bits)) - 32768;
    let [rest @ .., highest] = bump.map(i32::from);
    let p = rest.iter().rev().fold(highest, |p, &c| horner_q15(p, s, c));
    let shift = 16 - bits;
    let bump = (p + (1 << (shift - 1))) >> shift;
    (u.max(0) - bump) as i16
}

pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    let saturate = |v: i32| v.clamp(i16::MIN as i32, i16::MAX as i32);
    let pairs = input.iter().zip(out);
    match kind {
        Activation::GeluErf => {
            pairs.for_each(|(&v, out)| *out = gelu(saturate(v), fraction_bits, &GELU_ERF));
        }
        Activation::GeluTanh => {
            pairs.for_each(|(&v, out)| *out = gelu(saturate(v), fraction_bits, &GELU_TANH));
        }
        Activation::Relu => pairs.for_each(|(&v, out)| *out = saturate(v).max(0) as i16),
    }
}
