//! Activated numbers to int8, and hidden states to 12 bits.

use crate::fixed::Requantizer;
use crate::kernels::arm_m::activated;
use crate::shape::BLOCK;
use core::arch::asm;

/// Numbers computed together.
const LANES: usize = 4;

pub fn quantize_activated(row: &[i16], narrow: Requantizer, zero_point: i32, out: &mut [i8]) {
    activated::quantize::<LANES>(row, narrow, zero_point, out, |row, out| {
        quantize_rounds(row, narrow, zero_point, out);
    });
}

fn quantize_rounds(row: &[i16], narrow: Requantizer, zero_point: i32, out: &mut [i8]) {
    let rounds = row.len() / LANES;
    assert!(rounds > 0 && out.len() >= row.len());
    // SAFETY: each of the rounds reads 4 numbers and writes 4 bytes.
    unsafe {
        asm!(
            "2:",
            ".irp v, r8, r9, r10, r11",
            "ldrsh \\v, [r0], #2",
            "mla \\v, \\v, r4, r5",
            "asr \\v, \\v, r12",
            "add \\v, \\v, r3",
            "ssat \\v, #8, \\v",
            ".endr",
            "bfi r8, r9, #8, #8",
            "bfi r8, r10, #16, #8",
            "bfi r8, r11, #24, #8",
            "str r8, [r1], #4",
            "subs r2, r2, #1",
            "bne 2b",
            inout("r0") row.as_ptr() => _,
            inout("r1") out.as_mut_ptr() => _,
            inout("r2") rounds => _,
            in("r3") zero_point,
            in("r4") narrow.multiplier,
            in("r5") (1u32 << narrow.shift) >> 1,
            in("r12") narrow.shift,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            options(nostack),
        );
    }
}

/// Channels `i` and `i + 8` of a block together: they share a low byte.
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
    // slices have. Flags and the registers written are declared.
    unsafe {
        asm!(
            "2:",
            ".rept 8",
            "ldr r12, [r0, #32]",
            "ldr r11, [r0], #4",
            ".irp v, r11, r12",
            "asr \\v, \\v, r4",
            "mla \\v, \\v, r5, r8",
            "asr \\v, \\v, r9",
            "add \\v, \\v, r10",
            "ssat \\v, #12, \\v",
            // 8 more, at most 2047.
            "add \\v, \\v, #8",
            "ssat \\v, #12, \\v",
            ".endr",
            "and lr, r11, #15",
            "bfi lr, r12, #4, #4",
            "strb lr, [r2], #1",
            "asr r12, r12, #4",
            "asr r11, r11, #4",
            "strb r12, [r1, #8]",
            "strb r11, [r1], #1",
            ".endr",
            "add r0, r0, #32",
            "add r1, r1, #8",
            "subs r3, r3, #1",
            "bne 2b",
            inout("r0") row.as_ptr() => _,
            inout("r1") high.as_mut_ptr() => _,
            inout("r2") low.as_mut_ptr() => _,
            inout("r3") blocks => _,
            in("r4") narrow.pre_shift,
            in("r5") narrow.multiplier,
            in("r8") (1u32 << narrow.shift) >> 1,
            in("r9") narrow.shift,
            in("r10") zero_point.wrapping_mul(16),
            out("r11") _,
            out("r12") _,
            out("lr") _,
            options(nostack),
        );
    }
}
