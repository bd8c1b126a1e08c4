//! The least and the greatest of an activated row.

use crate::kernels::scalar;
use core::arch::asm;

/// Numbers looked at together, two to a word.
const LANES: usize = 8;

pub fn range_activated(row: &[i16]) -> (i32, i32) {
    let rounds = row.len() / LANES;
    let (whole, left) = row.split_at(rounds * LANES);
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
