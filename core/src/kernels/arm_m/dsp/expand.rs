//! int4 weights: four bytes are multiplied at once, as no product of a nibble and its multiplier
//! leaves its byte.

use crate::blob::PAIR;
use crate::kernels::scalar;
use crate::shape::BLOCK;
use core::arch::asm;

pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let pairs = multipliers
        .len()
        .min(nibbles.len() / BLOCK)
        .min(out.len() / PAIR);
    let aligned =
        nibbles.as_ptr().cast::<u32>().is_aligned() && out.as_ptr().cast::<u32>().is_aligned();
    if pairs == 0 || !aligned {
        return scalar::expand(nibbles, multipliers, out);
    }
    // SAFETY: each of the rounds reads 16 bytes of `nibbles` and one of `multipliers` and writes 32
    // of `out`, which have as many; words are aligned. r6 and r7 may not be operands; they are
    // saved and restored. Flags and the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            // Multipliers of the low and the high nibbles, and what makes up for their offset.
            "ldrb r3, [r1], #1",
            "and r4, r3, #15",
            "lsr r3, r3, #4",
            "mul r5, r4, r11",
            "mul r10, r3, r11",
            // Eight bytes, and eight more; after these, on past the high nibbles' results.
            ".irp next, 8, 24",
            "ldrd r6, r7, [r0], #8",
            "and r8, r12, r6, lsr #4",
            "and r9, r12, r7, lsr #4",
            "and r6, r6, r12",
            "and r7, r7, r12",
            "mul r8, r8, r3",
            "mul r9, r9, r3",
            "mul r6, r6, r4",
            "mul r7, r7, r4",
            "usub8 r8, r8, r10",
            "usub8 r9, r9, r10",
            "usub8 r6, r6, r5",
            "usub8 r7, r7, r5",
            "strd r8, r9, [r2, #16]",
            "strd r6, r7, [r2], #\\next",
            ".endr",
            "subs lr, lr, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") nibbles.as_ptr() => _,
            inout("r1") multipliers.as_ptr() => _,
            inout("r2") out.as_mut_ptr() => _,
            in("r11") 0x0808_0808,
            in("r12") 0x0f0f_0f0f,
            inout("lr") pairs => _,
            out("r3") _,
            out("r4") _,
            out("r5") _,
            out("r8") _,
            out("r9") _,
            out("r10") _,
        );
    }
}
