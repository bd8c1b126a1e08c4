//! Softmax: scores in lanes of 32 bits, exponentials and weights in lanes of 16.

use crate::fixed::FixedMultiplier;
use crate::kernels::SoftmaxScales;
use crate::kernels::scalar::{self, DITHER, EXP2};
use crate::shape::BLOCK;
use core::arch::asm;
use core::slice;

pub fn softmax(scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
    let count = scores.len();
    if scales.keys.len() < count || scales.values.len() < count || out.len() < count {
        return scalar::softmax(scores, scales, out);
    }
    let largest = scale(scores, scales.shift, scales.keys);
    let (blocks, rest) = scores.as_chunks();
    let (value_blocks, values) = scales.values[..count].as_chunks();
    let (out_blocks, out) = out[..count].as_chunks_mut();
    let sum = weigh(blocks, largest, scales.exponent, value_blocks, out_blocks);
    if rest.is_empty() {
        return sum;
    }
    sum.wrapping_add(weigh_rest(rest, largest, scales.exponent, values, out))
}

/// Brings scores to the scale of their keys; the largest of them.
fn scale(scores: &mut [i32], shift: u32, keys: &[i32]) -> i32 {
    assert!(keys.len() >= scores.len());
    let mut largest = i32::MIN;
    // SAFETY: rounds of 16 elements and those of the rest, in which the loop's own count cuts the
    // last round's lanes, read and write `scores` once, and read as many elements of `keys`.
    unsafe {
        asm!(
            ".macro step",
            "vldrw.u32 q0, [{scores}]",
            "vshl.s32 q0, {shift}",
            "vldrw.u32 q1, [{keys}], #16",
            "vqdmulh.s32 q0, q0, q1",
            "vmax.s32 q2, q2, q0",
            "vstrw.32 q0, [{scores}], #16",
            ".endm",
            "vdup.32 q2, {largest}",
            "wls lr, lr, 3f",
            "2:",
            ".rept 4",
            "step",
            ".endr",
            "le lr, 2b",
            "3:",
            "wlstp.32 lr, {rest}, 5f",
            "4:",
            "step",
            "letp lr, 4b",
            "5:",
            ".purgem step",
            "vmaxv.s32 {largest}, q2",
            rest = in(reg) scores.len() % BLOCK,
            scores = inout(reg) scores.as_mut_ptr() => _,
            keys = inout(reg) keys.as_ptr() => _,
            shift = in(reg) shift & 31,
            largest = inout(reg) largest,
            inout("lr") scores.len() / BLOCK => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            options(nostack),
        );
    }
    largest
}

/// [`weigh`], for less than a block.
#[cold]
#[inline(never)]
fn weigh_rest(
    scores: &[i32],
    largest: i32,
    exponent: FixedMultiplier,
    values: &[i16],
    out: &mut [i8],
) -> u32 {
    // Keys that are not there have the largest score, whose exponential is known.
    let mut score_block = [largest; BLOCK];
    let mut value_block = [0; BLOCK];
    let mut out_block = [0; BLOCK];
    score_block[..scores.len()].copy_from_slice(scores);
    value_block[..values.len()].copy_from_slice(values);
    let sum = weigh(
        slice::from_ref(&score_block),
        largest,
        exponent,
        slice::from_ref(&value_block),
        slice::from_mut(&mut out_block),
    );
    out.copy_from_slice(&out_block[..out.len()]);
    sum.wrapping_sub((BLOCK - scores.len()) as u32 * i16::MAX as u32)
}

/// What [`weigh`] keeps in registers.
#[repr(C)]
struct Constants {
    /// The exponential's highest coefficient, for fractions with 11 bits rather than 15.
    highest: [i16; BLOCK / 2],
    /// What is added to the weights of even and of odd keys before 7 bits are cut off, less 128
    /// once they are.
    dither: [[i16; BLOCK / 2]; 2],
    /// The coefficients after the highest.
    rest: [i32; 3],
}

static CONSTANTS: Constants = {
    let [highest, rest @ ..] = EXP2;
    let mut constants = Constants {
        highest: [highest << 4; BLOCK / 2],
        dither: [[0; BLOCK / 2]; 2],
        rest: [rest[0] as i32, rest[1] as i32, rest[2] as i32],
    };
    let mut i = 0;
    while i < BLOCK {
        constants.dither[i % 2][i / 2] = DITHER[i] as i16 - (128 << 7);
        i += 1;
    }
    constants
};

/// Weights of scaled scores; the sum of the exponentials.
fn weigh(
    scores: &[[i32; BLOCK]],
    largest: i32,
    exponent: FixedMultiplier,
    values: &[[i16; BLOCK]],
    out: &mut [[i8; BLOCK]],
) -> u32 {
    let blocks = scores.len();
    assert!(values.len() >= blocks && out.len() >= blocks);
    let mut sum = 0u32;
    // SAFETY: each of the rounds reads a block of `scores` and of `values` and writes one of
    // `out`, which have as many.
    unsafe {
        asm!(
            "vldrw.u32 q4, [{constants}]",
            "vldrw.u32 q5, [{constants}, #16]",
            "vldrw.u32 q6, [{constants}, #32]",
            "vdup.32 q7, {largest}",
            // The coefficients take registers that are free now.
            "ldrd {largest}, {coefficient}, [{constants}, #48]",
            "ldr {constants}, [{constants}, #56]",
            "wls lr, lr, 3f",
            "2:",
            // Every fourth key: narrowed once, even keys and odd ones; twice, all in order.
            "vld40.32 {{q0, q1, q2, q3}}, [{scores}]",
            "vld41.32 {{q0, q1, q2, q3}}, [{scores}]",
            "vld42.32 {{q0, q1, q2, q3}}, [{scores}]",
            "vld43.32 {{q0, q1, q2, q3}}, [{scores}]!",
            ".irp keys, q0, q1, q2, q3",
            "vsub.i32 \\keys, q7, \\keys",
            "vqdmulh.s32 \\keys, \\keys, {multiplier}",
            "vrshl.s32 \\keys, {shift}",
            ".endr",
            "vqmovunb.s32 q0, q0",
            "vqmovunt.s32 q0, q2",
            "vqmovunb.s32 q1, q1",
            "vqmovunt.s32 q1, q3",
            ".irp keys, q0, q1",
            // Whole part and fraction, and of this the polynomial.
            "vshr.u16 q2, \\keys, #11",
            "vbic.i16 \\keys, #0xf800",
            "vneg.s16 q2, q2",
            "vshl.i16 q3, \\keys, #4",
            "vqrdmlash.s16 \\keys, q4, {largest}",
            "vqrdmlash.s16 \\keys, q3, {coefficient}",
            "vqrdmlash.s16 \\keys, q3, {constants}",
            "vshl.u16 \\keys, \\keys, q2",
            "vaddva.u16 r0, \\keys",
            ".endr",
            "vld20.16 {{q2, q3}}, [{values}]",
            "vld21.16 {{q2, q3}}, [{values}]!",
            "vqrdmulh.s16 q0, q0, q2",
            "vadd.i16 q0, q0, q5",
            "vqrdmulh.s16 q1, q1, q3",
            "vadd.i16 q1, q1, q6",
            "vshrnb.i16 q0, q0, #7",
            "vshrnt.i16 q0, q1, #7",
            "vstrb.8 q0, [{out}], #16",
            "le lr, 2b",
            "3:",
            constants = inout(reg) &raw const CONSTANTS => _,
            largest = inout(reg) largest => _,
            coefficient = out(reg) _,
            scores = inout(reg) scores.as_ptr() => _,
            values = inout(reg) values.as_ptr() => _,
            out = inout(reg) out.as_mut_ptr() => _,
            multiplier = in(reg) exponent.multiplier,
            shift = in(reg) -(exponent.shift as i32),
            inout("r0") sum,
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
    sum
}
