//! Hidden states in 12 bits, channels `i` and `i + 8` of a block together: they share a low byte.

use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{HiddenRow, scalar};
use crate::shape::BLOCK;
use core::arch::asm;

pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: FixedMultiplier, sums: &mut [i32]) {
    let lengths = [row.high.len(), 2 * row.low.len(), restore.len(), sums.len()];
    let blocks = lengths.into_iter().min().unwrap_or(0) / BLOCK;
    let zero_point = row.scale.zero_point;
    // Differences below 2^13 double without loss; no others come from rows of hidden states.
    if blocks == 0 || zero_point.unsigned_abs() > 256 {
        return scalar::add_hidden(row, restore, factor, sums);
    }
    // SAFETY: each of the blocks reads 16 high bytes, 8 low bytes and 16 multipliers and reads and
    // writes 16 sums, which all slices have. r6 and r7 may not be operands; they are saved and
    // restored. Flags and the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            ".rept 8",
            "ldrsb r12, [r0, #8]",
            "ldrsb r11, [r0], #1",
            "ldrb lr, [r1], #1",
            "add r11, r5, r11, lsl #22",
            "add r12, r5, r12, lsl #22",
            "and r6, lr, #0x0f",
            "and r7, lr, #0xf0",
            "add r11, r11, r6, lsl #18",
            "add r12, r12, r7, lsl #14",
            "ldr r7, [r2, #32]",
            "ldr r6, [r2], #4",
            "smmul r11, r11, r6",
            "smmul r12, r12, r7",
            "ldr r7, [r3, #32]",
            "ldr r6, [r3]",
            "smmla r11, r11, r8, r9",
            "smmla r12, r12, r8, r9",
            "asr r11, r11, r10",
            "asr r12, r12, r10",
            "add r11, r11, r6",
            "add r12, r12, r7",
            "str r12, [r3, #32]",
            "str r11, [r3], #4",
            ".endr",
            "add r0, r0, #8",
            "add r2, r2, #32",
            "add r3, r3, #32",
            "subs r4, r4, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") row.high.as_ptr() => _,
            inout("r1") row.low.as_ptr() => _,
            inout("r2") restore.as_ptr() => _,
            inout("r3") sums.as_mut_ptr() => _,
            inout("r4") blocks => _,
            in("r5") -((zero_point * 16 + 8) << 18),
            in("r8") factor.multiplier << 1,
            in("r9") (1u32 << factor.shift) >> 1,
            in("r10") factor.shift,
            out("r11") _,
            out("r12") _,
            out("lr") _,
        );
    }
}

pub fn quantize_hidden(
    row: &[i32],
    narrow: Requantizer,
    zero_point: i32,
    high: &mut [i8],
    low: &mut [u8],
) {
    let lengths = [row.len(), high.len(), 2 * low.len()];
    let blocks = lengths.into_iter().min().unwrap_or(0) / BLOCK;
    if blocks == 0 {
        return;
    }
    // SAFETY: each of the blocks reads 16 numbers and writes 16 high and 8 low bytes, which all
    // slices have. r6 and r7 may not be operands; they are saved and restored. Flags and the other
    // registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            ".rept 8",
            "ldr r7, [r0, #32]",
            "ldr r6, [r0], #4",
            ".irp v, r6, r7",
            "asr \\v, \\v, r4",
            "mla \\v, \\v, r5, r8",
            "asr \\v, \\v, r9",
            "add \\v, \\v, r10",
            "ssat \\v, #12, \\v",
            ".endr",
            // Together, 8 more, at most 2047.
            "pkhbt r6, r6, r7, lsl #16",
            "sadd16 r6, r6, r11",
            "ssat16 r6, #12, r6",
            "and r7, r6, #0x000f000f",
            "orr r7, r7, r7, lsr #12",
            "strb r7, [r2], #1",
            "lsr r7, r6, #20",
            "strb r7, [r1, #8]",
            "lsr r7, r6, #4",
            "strb r7, [r1], #1",
            ".endr",
            "add r0, r0, #32",
            "add r1, r1, #8",
            "subs r3, r3, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") row.as_ptr() => _,
            inout("r1") high.as_mut_ptr() => _,
            inout("r2") low.as_mut_ptr() => _,
            inout("r3") blocks => _,
            in("r4") narrow.pre_shift,
            in("r5") narrow.multiplier,
            in("r8") (1u32 << narrow.shift) >> 1,
            in("r9") narrow.shift,
            in("r10") zero_point.wrapping_mul(16),
            in("r11") 0x0008_0008,
        );
    }
}
