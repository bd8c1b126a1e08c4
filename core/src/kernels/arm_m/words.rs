//! Rows of words, four a round, by what every core with `MLA` has.

use crate::fixed::Requantizer;
use crate::kernels::scalar;
use core::arch::asm;

/// Numbers computed together.
const LANES: usize = 4;

pub fn quantize(row: &[i32], narrow: Requantizer, out: &mut [i8]) {
    let rounds = row.len().min(out.len()) / LANES;
    let (row, row_left) = row.split_at(rounds * LANES);
    let (out, out_left) = out.split_at_mut(rounds * LANES);
    scalar::quantize(row_left, narrow, 0, out_left);
    if rounds == 0 {
        return;
    }
    // SAFETY: each of the rounds reads 4 numbers and writes 4 bytes.
    unsafe {
        asm!(
            "2:",
            "ldm r0!, {{r8, r9, r10, r11}}",
            ".irp v, r8, r9, r10, r11",
            "asr \\v, \\v, r3",
            "mla \\v, \\v, r4, r5",
            "asr \\v, \\v, r12",
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
            in("r3") narrow.pre_shift,
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

pub fn range(row: &[i32]) -> (i32, i32) {
    let rounds = row.len() / LANES;
    let (whole, left) = row.split_at(rounds * LANES);
    let (mut low, mut high) = scalar::range(left);
    if rounds == 0 {
        return (low, high);
    }
    // SAFETY: each of the rounds reads 4 numbers.
    unsafe {
        asm!(
            "2:",
            "ldm r0!, {{r8, r9, r10, r11}}",
            // Few numbers are beyond all before them.
            "cmp r8, r3",
            "ittt le",
            "cmple r9, r3",
            "cmple r10, r3",
            "cmple r11, r3",
            "ble 3f",
            ".irp v, r8, r9, r10, r11",
            "cmp \\v, r3",
            "it gt",
            "movgt r3, \\v",
            ".endr",
            "3:",
            "cmp r8, r2",
            "ittt ge",
            "cmpge r9, r2",
            "cmpge r10, r2",
            "cmpge r11, r2",
            "bge 3f",
            ".irp v, r8, r9, r10, r11",
            "cmp \\v, r2",
            "it lt",
            "movlt r2, \\v",
            ".endr",
            "3:",
            "subs r1, r1, #1",
            "bne 2b",
            inout("r0") whole.as_ptr() => _,
            inout("r1") rounds => _,
            inout("r2") low,
            inout("r3") high,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            options(nostack, readonly),
        );
    }
    (low, high)
}

pub fn max_abs(row: &[i32]) -> u32 {
    let (low, high) = range(row);
    low.unsigned_abs().max(high.unsigned_abs())
}
