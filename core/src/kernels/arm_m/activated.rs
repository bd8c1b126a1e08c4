//! Activated numbers: whole rounds of them by a set's own code, what is left by the definition.

use crate::fixed::Requantizer;
use crate::kernels::scalar;
use crate::shape::Activation;

/// [`scalar::activate`], GELU of `LANES` numbers a round by `gelu`, which is given the fraction bits
/// and the bump too.
pub fn activate<const LANES: usize>(
    kind: Activation,
    fraction_bits: u32,
    input: &[i32],
    out: &mut [i16],
    gelu: impl FnOnce(&[i32], u32, &[i16; 8], &mut [i16]),
) {
    let bump = match kind {
        Activation::GeluErf => &scalar::GELU_ERF,
        Activation::GeluTanh => &scalar::GELU_TANH,
        Activation::Relu => return scalar::activate(kind, fraction_bits, input, out),
    };
    let whole = input.len().min(out.len()) / LANES * LANES;
    let (input, input_left) = input.split_at(whole);
    let (out, out_left) = out.split_at_mut(whole);
    if whole > 0 {
        gelu(input, fraction_bits, bump, out);
    }
    if !input_left.is_empty() {
        scalar::activate(kind, fraction_bits, input_left, out_left);
    }
}

/// [`scalar::quantize`], `LANES` numbers a round by `quantize`, which need not shift them before it
/// multiplies.
pub fn quantize<const LANES: usize>(
    row: &[i16],
    narrow: Requantizer,
    zero_point: i32,
    out: &mut [i8],
    quantize: impl FnOnce(&[i16], &mut [i8]),
) {
    let whole = row.len().min(out.len()) / LANES * LANES;
    // Only -32768 needs a shift before it is multiplied.
    if whole == 0 || narrow.pre_shift > 0 {
        return scalar::quantize(row, narrow, zero_point, out);
    }
    let (row, row_left) = row.split_at(whole);
    let (out, out_left) = out.split_at_mut(whole);
    scalar::quantize(row_left, narrow, zero_point, out_left);
    quantize(row, out);
}
