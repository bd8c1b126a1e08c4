//! The least and the greatest of a row.

use crate::kernels::scalar;
use core::arch::asm;

/// Numbers looked at together.
const LANES: usize = 4;
/// The same of numbers in 16 bits, two to a word.
const HALF_LANES: usize = 8;

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

pub fn range_activated(row: &[i16]) -> (i32, i32) {
    let rounds = row.len() / HALF_LANES;
    let (whole, left) = row.split_at(rounds * HALF_LANES);
    let (least, greatest) = scalar::range(left);
    if rounds == 0 {
        return (least, greatest);
    }
    // Of even and of odd places; where the upper halves begin does not matter.
    let (mut low, mut high) = (least as u16 as u32, greatest as u16 as u32);
    // SAFETY: each of the rounds reads 4 words, 8 numbers. `SEL` takes the halves whose difference
    // was not negative from its first operand.
    unsafe {
        asm!(
            "2:",
            ".rept 4",
            "ldr {pair}, [{row}], #4",
            "ssub16 {difference}, {pair}, {high}",
            "sel {high}, {pair}, {high}",
            "ssub16 {difference}, {pair}, {low}",
            "sel {low}, {low}, {pair}",
            ".endr",
            "subs {rounds}, {rounds}, #1",
            "bne 2b",
            pair = out(reg) _,
            difference = out(reg) _,
            row = inout(reg) whole.as_ptr() => _,
            rounds = inout(reg) rounds => _,
            low = inout(reg) low,
            high = inout(reg) high,
            options(nostack, readonly),
        );
    }
    let halves = |word: u32| [word as i16 as i32, (word >> 16) as i16 as i32];
    let ([a, b], [c, d]) = (halves(low), halves(high));
    (a.min(b), c.max(d))
}
