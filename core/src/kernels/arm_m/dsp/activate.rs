//! GELU: four numbers a round, in halves of words where that is enough.

use crate::kernels::arm_m::activated;
use crate::shape::Activation;
use core::arch::asm;

/// Numbers computed together.
const LANES: usize = 4;

/// What the polynomial of a bump takes, in the order it takes it.
#[repr(C)]
struct Constants {
    /// In each half of a word, what saturates magnitudes of the bump's end.
    end: u32,
    /// Left shift of magnitudes to 16 bits.
    left: u32,
    /// The highest coefficient and the next with its rounding, both doubled: the product of the
    /// next step takes the upper half as it is.
    doubled: [i32; 2],
    /// The coefficients that follow, each with the rounding of a Q15 product; the last with that
    /// of the bump.
    coefficients: [i32; 6],
    /// Right shift of the bump, with that of a Q15 product.
    right: u32,
}

impl Constants {
    fn new(bits: u32, bump: &[i16; 8]) -> Self {
        let rounded = |coefficient: i16| ((coefficient as i32) << 15) + (1 << 14);
        let [c0, c1, c2, c3, c4, c5, c6, c7] = *bump;
        let shift = 16 - bits;
        Constants {
            end: ((1 << 16) - (1 << (bits + 2))) * 0x0001_0001,
            left: 14 - bits,
            doubled: [2 * c7 as i32, 2 * rounded(c6)],
            coefficients: [
                rounded(c5),
                rounded(c4),
                rounded(c3),
                rounded(c2),
                rounded(c1),
                rounded(c0) + (1 << (shift + 14)),
            ],
            right: 15 + shift,
        }
    }
}

pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    activated::activate::<LANES>(kind, fraction_bits, input, out, |input, bits, bump, out| {
        gelu(input, &Constants::new(bits, bump), out);
    });
}

fn gelu(input: &[i32], constants: &Constants, out: &mut [i16]) {
    assert!(input.len() >= LANES && out.len() == input.len());
    // SAFETY: each of the rounds reads 4 numbers and writes 4, and reads the 11 words of the
    // constants. r6 and r7 may not be operands; they are saved and restored. Flags and the other
    // registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            "ldm r0!, {{r10, r11, r12, lr}}",
            ".irp u, r10, r11, r12, lr",
            "ssat \\u, #16, \\u",
            ".endr",
            "pkhbt r4, r10, r11, lsl #16",
            "pkhbt r5, r12, lr, lsl #16",
            // u less what is positive of it, negated, and that: the magnitude.
            "usat16 r8, #15, r4",
            "usat16 r9, #15, r5",
            "ssub16 r4, r8, r4",
            "ssub16 r5, r9, r5",
            "sadd16 r4, r4, r8",
            "sadd16 r5, r5, r9",
            // Not past the bump's end, and then s.
            "ldm r3!, {{r6, r7}}",
            ".irp s, r4, r5",
            "uqadd16 \\s, \\s, r6",
            "usub16 \\s, \\s, r6",
            "lsl \\s, \\s, r7",
            "eor \\s, \\s, #0x80008000",
            ".endr",
            "ldm r3!, {{r6, r7}}",
            "smlabb r10, r6, r4, r7",
            "smlabt r11, r6, r4, r7",
            "smlabb r12, r6, r5, r7",
            "smlabt lr, r6, r5, r7",
            "ldm r3!, {{r6, r7}}",
            "smlatb r10, r10, r4, r6",
            "smlatt r11, r11, r4, r6",
            "smlatb r12, r12, r5, r6",
            "smlatt lr, lr, r5, r6",
            ".irp p, r10, r11, r12, lr",
            "asr \\p, \\p, #15",
            ".endr",
            ".rept 2",
            "smlabb r10, r10, r4, r7",
            "smlabt r11, r11, r4, r7",
            "smlabb r12, r12, r5, r7",
            "smlabt lr, lr, r5, r7",
            ".irp p, r10, r11, r12, lr",
            "asr \\p, \\p, #15",
            ".endr",
            "ldm r3!, {{r6, r7}}",
            "smlabb r10, r10, r4, r6",
            "smlabt r11, r11, r4, r6",
            "smlabb r12, r12, r5, r6",
            "smlabt lr, lr, r5, r6",
            ".irp p, r10, r11, r12, lr",
            "asr \\p, \\p, #15",
            ".endr",
            ".endr",
            "ldr r6, [r3]",
            "smlabb r10, r10, r4, r7",
            "smlabt r11, r11, r4, r7",
            "smlabb r12, r12, r5, r7",
            "smlabt lr, lr, r5, r7",
            ".irp p, r10, r11, r12, lr",
            "asr \\p, \\p, r6",
            ".endr",
            "sub r3, r3, #40",
            "pkhbt r10, r10, r11, lsl #16",
            "pkhbt r12, r12, lr, lsl #16",
            "ssub16 r10, r8, r10",
            "ssub16 r12, r9, r12",
            "str r10, [r1], #4",
            "str r12, [r1], #4",
            "subs r2, r2, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") input.as_ptr() => _,
            inout("r1") out.as_mut_ptr() => _,
            inout("r2") input.len() / LANES => _,
            inout("r3") constants => _,
            out("r4") _,
            out("r5") _,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            out("r12") _,
            out("lr") _,
        );
    }
}
