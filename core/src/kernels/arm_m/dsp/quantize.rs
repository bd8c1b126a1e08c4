//! Activated numbers to int8, four numbers a round.

use crate::fixed::Requantizer;
use crate::kernels::arm_m::activated;
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
    // SAFETY: each of the rounds reads 4 numbers, two to a word, and writes 4 bytes.
    unsafe {
        asm!(
            "2:",
            "ldr r9, [r0], #4",
            "ldr r11, [r0], #4",
            "smlabb r8, r9, r4, r5",
            "smlatb r9, r9, r4, r5",
            "smlabb r10, r11, r4, r5",
            "smlatb r11, r11, r4, r5",
            ".irp v, r8, r9, r10, r11",
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
