//! int4 weights, a pair of groups at a time.

use crate::blob::PAIR;
use crate::kernels::scalar;
use crate::shape::BLOCK;
use core::arch::asm;

pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let pairs = multipliers
        .len()
        .min(nibbles.len() / BLOCK)
        .min(out.len() / PAIR);
    if pairs == 0 {
        return scalar::expand(nibbles, multipliers, out);
    }
    // SAFETY: each of the rounds reads 16 bytes of `nibbles` and one of `multipliers` and writes 32
    // of `out`, which have as many.
    unsafe {
        asm!(
            "vmov.i8 q2, #15",
            "dls lr, lr",
            "2:",
            "vldrb.8 q0, [{nibbles}], #16",
            "ldrb {high}, [{multipliers}], #1",
            "vshr.u8 q1, q0, #4",
            "and {low}, {high}, #15",
            "vand q0, q0, q2",
            "lsr {high}, {high}, #4",
            "vsub.i8 q1, q1, {eight}",
            "vsub.i8 q0, q0, {eight}",
            "vmul.i8 q1, q1, {high}",
            "vmul.i8 q0, q0, {low}",
            "vstrb.8 q1, [{out}, #16]",
            "vstrb.8 q0, [{out}], #32",
            "le lr, 2b",
            nibbles = inout(reg) nibbles.as_ptr() => _,
            multipliers = inout(reg) multipliers.as_ptr() => _,
            out = inout(reg) out.as_mut_ptr() => _,
            low = out(reg) _,
            high = out(reg) _,
            eight = in(reg) 8,
            inout("lr") pairs => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            options(nostack),
        );
    }
}
