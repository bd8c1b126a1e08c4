//! Activation functions, eight numbers at a time in lanes of 16 bits.

use crate::kernels::scalar::{self, GELU_ERF, GELU_TANH};
use crate::shape::Activation;
use core::arch::asm;

/// Lanes of a vector.
const LANES: usize = 8;

pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    let count = input.len().min(out.len());
    let (blocks, rest) = input[..count].as_chunks();
    let (out_blocks, out_rest) = out[..count].as_chunks_mut();
    let vectors = VECTORS.get(fraction_bits.wrapping_sub(LEAST_BITS) as usize);
    match (kind, vectors) {
        (Activation::GeluErf, Some(vectors)) => gelu(blocks, out_blocks, vectors, &GELU_ERF),
        (Activation::GeluTanh, Some(vectors)) => gelu(blocks, out_blocks, vectors, &GELU_TANH),
        (Activation::Relu, _) => relu(blocks, out_blocks),
        (_, None) => return scalar::activate(kind, fraction_bits, input, out),
    }
    if !rest.is_empty() {
        scalar::activate(kind, fraction_bits, rest, out_rest);
    }
}

/// The fewest fraction bits of the numbers taken.
const LEAST_BITS: u32 = 4;

/// For each number of fraction bits, from the fewest to 12, what [`gelu`] limits magnitudes to, multiplies them by and
/// shifts the bump by.
static VECTORS: [[[i16; LANES]; 3]; 9] = {
    let mut vectors = [[[0; LANES]; 3]; 9];
    let mut i = 0;
    while i < vectors.len() {
        let bits = LEAST_BITS as i16 + i as i16;
        vectors[i] = [
            [(1 << (bits + 2)) - 1; LANES],
            [1 << (14 - bits); LANES],
            [bits - 16; LANES],
        ];
        i += 1;
    }
    vectors
};

/// [`scalar::activate`]'s GELU. A step of the polynomial, a rounded product and a sum, is one
/// instruction, `VQRDMLASH`: no step passes 16 bits.
fn gelu(
    input: &[[i32; LANES]],
    out: &mut [[i16; LANES]],
    vectors: &[[i16; LANES]; 3],
    bump: &[i16; 8],
) {
    let blocks = input.len();
    assert!(out.len() >= blocks);
    // SAFETY: each of the rounds reads eight elements of `input` and writes as many of `out`,
    // which have a block for each.
    unsafe {
        asm!(
            "vldrh.u16 q3, [{vectors}]",
            "vldrh.u16 q4, [{vectors}, #16]",
            "vldrh.u16 q5, [{vectors}, #32]",
            "vdup.16 q6, {highest}",
            "movw {highest}, #0x8000",
            "vmov.i32 q7, #0",
            "wls lr, lr, 3f",
            "2:",
            // Even and odd numbers, so that narrowing interleaves them in their order.
            "vld20.32 {{q0, q1}}, [{input}]",
            "vld21.32 {{q0, q1}}, [{input}]!",
            "vqmovnb.s32 q2, q0",
            "vqmovnt.s32 q2, q1",
            "vqabs.s16 q0, q2",
            "vmov q1, q6",
            "vmin.s16 q0, q0, q3",
            "vmlas.s16 q0, q4, {highest}",
            "vmax.s16 q2, q2, q7",
            "vqrdmlash.s16 q1, q0, {c6}",
            "vqrdmlash.s16 q1, q0, {c5}",
            "vqrdmlash.s16 q1, q0, {c4}",
            "vqrdmlash.s16 q1, q0, {c3}",
            "vqrdmlash.s16 q1, q0, {c2}",
            "vqrdmlash.s16 q1, q0, {c1}",
            "vqrdmlash.s16 q1, q0, {c0}",
            "vrshl.s16 q1, q1, q5",
            "vsub.i16 q2, q2, q1",
            "vstrh.16 q2, [{out}], #16",
            "le lr, 2b",
            "3:",
            vectors = in(reg) vectors.as_ptr(),
            input = inout(reg) input.as_ptr() => _,
            out = inout(reg) out.as_mut_ptr() => _,
            highest = inout(reg) bump[7] as i32 => _,
            c6 = in(reg) bump[6] as i32,
            c5 = in(reg) bump[5] as i32,
            c4 = in(reg) bump[4] as i32,
            c3 = in(reg) bump[3] as i32,
            c2 = in(reg) bump[2] as i32,
            c1 = in(reg) bump[1] as i32,
            c0 = in(reg) bump[0] as i32,
            inout("lr") blocks => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            out("q4") _,
            out("q5") _,
            out("q6") _,
            out("q7") _,
            options(nostack),
        );
    }
}

fn relu(input: &[[i32; LANES]], out: &mut [[i16; LANES]]) {
    let blocks = input.len();
    assert!(out.len() >= blocks);
    // SAFETY: as in `gelu`.
    unsafe {
        asm!(
            "vmov.i32 q3, #0",
            "wls lr, lr, 3f",
            "2:",
            "vld20.32 {{q0, q1}}, [{input}]",
            "vld21.32 {{q0, q1}}, [{input}]!",
            "vqmovnb.s32 q2, q0",
            "vqmovnt.s32 q2, q1",
            "vmax.s16 q2, q2, q3",
            "vstrh.16 q2, [{out}], #16",
            "le lr, 2b",
            "3:",
            input = inout(reg) input.as_ptr() => _,
            out = inout(reg) out.as_mut_ptr() => _,
            inout("lr") blocks => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            options(nostack),
        );
    }
}
