//! int4 weights, two pairs of groups a round.
//!
//! A nibble at the upper end of its byte, less 8 by another sign bit, is 16 times what a multiplier
//! multiplies: `VQDMULH` with eight times the multiplier shifts that out again.

use crate::blob::PAIR;
use crate::kernels::scalar;
use crate::shape::BLOCK;
use core::arch::asm;

/// Pairs of groups in a round.
const PAIRS: usize = 2;

pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let lengths = [multipliers.len(), nibbles.len() / BLOCK, out.len() / PAIR];
    let rounds = lengths.into_iter().min().unwrap_or(0) / PAIRS;
    let pairs = rounds * PAIRS;
    let (nibbles, nibbles_left) = nibbles.split_at(pairs * BLOCK);
    let (multipliers, multipliers_left) = multipliers.split_at(pairs);
    let (out, out_left) = out.split_at_mut(pairs * PAIR);
    if !nibbles_left.is_empty() {
        scalar::expand(nibbles_left, multipliers_left, out_left);
    }
    if rounds == 0 {
        return;
    }
    // SAFETY: each of the rounds reads 32 bytes of `nibbles` and 2 of `multipliers` and writes 64
    // of `out`, which have as many.
    unsafe {
        asm!(
            "vmov.i8 q2, #0x88",
            "vmov.i8 q3, #0xf0",
            "dls lr, lr",
            "2:",
            "ldrh {high}, [{multipliers}], #2",
            "lsl {low}, {high}, #3",
            "vldrb.8 q0, [{nibbles}], #16",
            "and {m}, {low}, {mask}",
            "veor q0, q0, q2",
            "vshl.i8 q1, q0, #4",
            "vand q0, q0, q3",
            "vqdmulh.s8 q1, q1, {m}",
            "and {m}, {mask}, {high}, lsr #1",
            "vstrb.8 q1, [{out}], #16",
            "vqdmulh.s8 q0, q0, {m}",
            "vstrb.8 q0, [{out}], #16",
            "vldrb.8 q0, [{nibbles}], #16",
            "and {m}, {mask}, {low}, lsr #8",
            "veor q0, q0, q2",
            "vshl.i8 q1, q0, #4",
            "vand q0, q0, q3",
            "vqdmulh.s8 q1, q1, {m}",
            "and {m}, {mask}, {high}, lsr #9",
            "vstrb.8 q1, [{out}], #16",
            "vqdmulh.s8 q0, q0, {m}",
            "vstrb.8 q0, [{out}], #16",
            "le lr, 2b",
            nibbles = inout(reg) nibbles.as_ptr() => _,
            multipliers = inout(reg) multipliers.as_ptr() => _,
            out = inout(reg) out.as_mut_ptr() => _,
            low = out(reg) _,
            high = out(reg) _,
            m = out(reg) _,
            mask = in(reg) 15 << 3,
            inout("lr") rounds => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            options(nostack),
        );
    }
}
