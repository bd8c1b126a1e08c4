//! LayerNorm: sums of 64 bits by `SMLAL`, products by `SMMUL`, four channels a round.

use crate::fixed::FixedMultiplier;
use crate::kernels::scalar;
use core::arch::asm;

/// Channels computed together.
const LANES: usize = 4;

pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    let Some(gains) = gains.get(..row.len()) else {
        return scalar::normalize(row, hidden, gains, epsilon);
    };
    if row.is_empty() || !row.len().is_multiple_of(LANES) {
        return scalar::normalize(row, hidden, gains, epsilon);
    }
    let mean = scalar::mean(sum(row), hidden);
    let squares = center(row, mean);
    let (left, factor) = scalar::normalizer(squares, mean, row.len(), hidden, epsilon);
    scale(row, gains, left, factor);
}

/// The sum of a row of whole rounds, at least one.
fn sum(row: &[i32]) -> i64 {
    assert!(row.len() >= LANES);
    let (mut low, mut high) = (0u32, 0i32);
    // SAFETY: each of the rounds reads 4 channels.
    unsafe {
        asm!(
            "2:",
            "ldm r0!, {{r8, r9, r10, r11}}",
            "smlal r2, r3, r8, r4",
            "smlal r2, r3, r9, r4",
            "smlal r2, r3, r10, r4",
            "smlal r2, r3, r11, r4",
            "subs r1, r1, #1",
            "bne 2b",
            inout("r0") row.as_ptr() => _,
            inout("r1") row.len() / LANES => _,
            inout("r2") low,
            inout("r3") high,
            in("r4") 1,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            options(nostack, readonly),
        );
    }
    (high as i64) << 32 | low as i64
}

/// Takes `mean` from a row of whole rounds, at least one; the sum of the squares of the rest.
fn center(row: &mut [i32], mean: i32) -> u64 {
    assert!(row.len() >= LANES);
    let (mut low, mut high) = (0u32, 0u32);
    // SAFETY: each of the rounds reads and writes 4 channels.
    unsafe {
        asm!(
            "2:",
            "ldm r0, {{r8, r9, r10, r11}}",
            ".irp v, r8, r9, r10, r11",
            "sub \\v, \\v, r4",
            "smlal r2, r3, \\v, \\v",
            ".endr",
            "stm r0!, {{r8, r9, r10, r11}}",
            "subs r1, r1, #1",
            "bne 2b",
            inout("r0") row.as_mut_ptr() => _,
            inout("r1") row.len() / LANES => _,
            inout("r2") low,
            inout("r3") high,
            in("r4") mean,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            options(nostack),
        );
    }
    (high as u64) << 32 | low as u64
}

/// Shifts a row of whole rounds, at least one, to the left, and multiplies it by `factor` and each
/// channel's gain.
fn scale(row: &mut [i32], gains: &[i32], left: u32, factor: FixedMultiplier) {
    assert!(row.len() >= LANES && gains.len() >= row.len());
    // SAFETY: each of the rounds reads and writes 4 channels and reads 4 gains. r6 and r7 may not
    // be operands; they are saved and restored. Flags and the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            "ldm r0, {{r9, r10, r11, r12}}",
            ".irp v, r9, r10, r11, r12",
            "lsl \\v, \\v, r3",
            "smmla \\v, \\v, r4, r5",
            "asr \\v, \\v, r8",
            ".endr",
            "ldm r1!, {{r6, r7}}",
            "lsl r6, r6, #1",
            "lsl r7, r7, #1",
            "smmul r9, r9, r6",
            "smmul r10, r10, r7",
            "ldm r1!, {{r6, r7}}",
            "lsl r6, r6, #1",
            "lsl r7, r7, #1",
            "smmul r11, r11, r6",
            "smmul r12, r12, r7",
            "stm r0!, {{r9, r10, r11, r12}}",
            "subs r2, r2, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") row.as_mut_ptr() => _,
            inout("r1") gains.as_ptr() => _,
            inout("r2") row.len() / LANES => _,
            in("r3") left,
            in("r4") factor.multiplier << 1,
            in("r5") (1u32 << factor.shift) >> 1,
            in("r8") factor.shift,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            out("r12") _,
        );
    }
}
