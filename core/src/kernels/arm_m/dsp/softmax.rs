//! Softmax: scores to one scale, to exponentials, to weights, 16 of them a round.

use crate::fixed::FixedMultiplier;
use crate::kernels::SoftmaxScales;
use crate::kernels::scalar::{self, DITHER, exp2_negative};
use crate::shape::BLOCK;
use core::arch::asm;

/// `2^-z` for every fraction `z` of 11 bits: 4 KiB of flash, for a third of the time.
static EXP2: [u16; 1 << 11] = {
    let mut powers = [0; 1 << 11];
    let mut z = 0;
    while z < powers.len() {
        powers[z] = exp2_negative(z as i32) as u16;
        z += 1;
    }
    powers
};

/// Shifts of exponents below this one, of scores in the ten thousands, are left to the definition.
const SMALLEST_SHIFT: u32 = 4;

/// What is added to a weight in Q30 before the upper bits are taken: the rounding of its Q15
/// product, the dither of its 8 bits, and those less 128.
static ROUNDING: [i32; BLOCK] = {
    let mut rounding = [0; BLOCK];
    let mut i = 0;
    while i < BLOCK {
        rounding[i] = (1 << 14) + (DITHER[i] << 15) - (128 << 22);
        i += 1;
    }
    rounding
};

pub fn softmax(scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
    let whole = scores.len() / BLOCK * BLOCK;
    let exponent = scales.exponent;
    let (Some(keys), Some(values), Some(weighed)) = (
        scales.keys.get(..whole),
        scales.values.get(..whole),
        out.get_mut(..whole),
    ) else {
        return scalar::softmax(scores, scales, out);
    };
    if whole == 0 || exponent.shift < SMALLEST_SHIFT {
        return scalar::softmax(scores, scales, out);
    }
    let (scaled, left) = scores.split_at_mut(whole);
    let mut largest = scale_scores(scaled, scales.shift, keys);
    if !left.is_empty() {
        let keys = scales.keys.get(whole..).unwrap_or_default();
        largest = largest.max(scalar::scale_scores(left, scales.shift, keys));
    }
    let mut sum = match exponent.shift {
        13.. => exponentials::<0>(scaled, largest, exponent),
        8.. => exponentials::<27>(scaled, largest, exponent),
        _ => exponentials::<23>(scaled, largest, exponent),
    };
    weights(scaled, values, weighed);
    if !left.is_empty() {
        let values = scales.values.get(whole..).unwrap_or_default();
        let out = out.get_mut(whole..).unwrap_or_default();
        sum = sum.wrapping_add(scalar::weigh(left, largest, exponent, values, out));
    }
    sum
}

/// [`scalar::scale_scores`] of whole blocks, at least one.
fn scale_scores(scores: &mut [i32], shift: u32, keys: &[i32]) -> i32 {
    assert!(scores.len() >= BLOCK && scores.len() == keys.len());
    let mut largest = i32::MIN;
    // SAFETY: each of the rounds reads 16 scores and 16 keys and writes the scores, which are
    // whole blocks. r6 may not be an operand; it is saved and restored. Flags and the other
    // registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            ".rept 4",
            "ldm r0, {{r8, r9, r10, r11}}",
            "ldm r1!, {{r5, r6, r12, lr}}",
            "lsl r8, r8, r3",
            "lsl r9, r9, r3",
            "lsl r10, r10, r3",
            "lsl r11, r11, r3",
            "lsl r5, r5, #1",
            "lsl r6, r6, #1",
            "lsl r12, r12, #1",
            "lsl lr, lr, #1",
            "smmul r8, r8, r5",
            "smmul r9, r9, r6",
            "smmul r10, r10, r12",
            "smmul r11, r11, lr",
            "stm r0!, {{r8, r9, r10, r11}}",
            // Few scores are larger than all before them.
            "cmp r8, r4",
            "ittt le",
            "cmple r9, r4",
            "cmple r10, r4",
            "cmple r11, r4",
            "ble 3f",
            ".irp score, r8, r9, r10, r11",
            "cmp \\score, r4",
            "it gt",
            "movgt r4, \\score",
            ".endr",
            "3:",
            ".endr",
            "subs r2, r2, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") scores.as_mut_ptr() => _,
            inout("r1") keys.as_ptr() => _,
            inout("r2") scores.len() / BLOCK => _,
            in("r3") shift,
            inout("r4") largest,
            out("r5") _,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            out("r12") _,
            out("lr") _,
        );
    }
    largest
}

/// Turns scaled scores of whole blocks, at least one, into exponentials: two, in 16 bits each, in
/// the first and second of each four words; their sum.
///
/// An exponent is rotated until its whole part is the lowest byte, which is what a shift takes,
/// and its fraction's 11 bits are the highest. Small shifts leave more than fits there: up to 12,
/// numbers saturated to `BITS` bits have a whole part of at least 15, which makes them zero, and
/// at most 255. No score is past 2^30, so that none is below another by 2^31.
fn exponentials<const BITS: u32>(
    scores: &mut [i32],
    largest: i32,
    exponent: FixedMultiplier,
) -> u32 {
    assert!(scores.len() >= BLOCK);
    let mut sum = 0u32;
    let shift = if BITS > 0 {
        exponent.shift + 11
    } else {
        exponent.shift - 13
    };
    // SAFETY: each of the rounds reads and writes 16 scores, which are whole blocks; what is read
    // of the table has an index of 11 bits. r6 and r7 may not be operands; they are saved and
    // restored. Flags and the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "mov r7, #0x00010001",
            "2:",
            ".rept 4",
            "ldm r0, {{r10, r11, r12, lr}}",
            ".irp score, r10, r11, r12, lr",
            "sub \\score, r4, \\score",
            "smmla \\score, \\score, r5, r8",
            ".if {bits}",
            "usat \\score, #{bits}, \\score",
            "ror \\score, \\score, r9",
            ".else",
            "lsr \\score, \\score, r9",
            "ror \\score, \\score, #24",
            ".endif",
            "lsr r6, \\score, #21",
            "ldrh r6, [r3, r6, lsl #1]",
            "lsr \\score, r6, \\score",
            ".endr",
            "pkhbt r10, r10, r11, lsl #16",
            "pkhbt r11, r12, lr, lsl #16",
            "smlad r2, r10, r7, r2",
            "smlad r2, r11, r7, r2",
            "strd r10, r11, [r0], #16",
            ".endr",
            "subs r1, r1, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            bits = const BITS,
            inout("r0") scores.as_mut_ptr() => _,
            inout("r1") scores.len() / BLOCK => _,
            inout("r2") sum,
            in("r3") EXP2.as_ptr(),
            in("r4") largest,
            in("r5") exponent.multiplier << 1,
            in("r8") (1u32 << exponent.shift) >> 1,
            in("r9") shift,
            out("r10") _,
            out("r11") _,
            out("r12") _,
            out("lr") _,
        );
    }
    sum
}

/// Weights of whole blocks of exponentials as [`exponentials`] leaves them, at least one.
fn weights(exponentials: &[i32], values: &[i16], out: &mut [i8]) {
    let count = exponentials.len();
    assert!(count >= BLOCK && values.len() == count && out.len() == count);
    // SAFETY: each of the rounds reads 16 exponentials and 16 values and writes 16 weights, which
    // are whole blocks, and all of `ROUNDING`. r6 and r7 may not be operands; they are saved and
    // restored. Flags and the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            ".rept 4",
            "ldrd r6, r7, [r0], #16",
            "ldm r3!, {{r8, r9, r10, r11}}",
            "ldr r12, [r1], #4",
            "smlabb r8, r6, r12, r8",
            "smlatt r9, r6, r12, r9",
            "ldr r12, [r1], #4",
            "smlabb r10, r7, r12, r10",
            "smlatt r11, r7, r12, r11",
            // Bits 22 to 29 of each are a byte.
            "pkhtb r6, r10, r8, asr #16",
            "pkhtb r7, r11, r9, asr #16",
            "and r6, r5, r6, lsr #6",
            "and r7, r5, r7, lsr #6",
            "orr r6, r6, r7, lsl #8",
            "str r6, [r2], #4",
            ".endr",
            "sub r3, r3, #64",
            "subs r4, r4, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") exponentials.as_ptr() => _,
            inout("r1") values.as_ptr() => _,
            inout("r2") out.as_mut_ptr() => _,
            inout("r3") ROUNDING.as_ptr() => _,
            inout("r4") count / BLOCK => _,
            in("r5") 0x00ff_00ff,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            out("r12") _,
        );
    }
}
