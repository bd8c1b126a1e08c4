//! GELU: two numbers a round.

use crate::kernels::arm_m::activated;
use crate::shape::Activation;
use core::arch::asm;

/// Numbers computed together.
const LANES: usize = 2;

/// What a bump takes, in the order it takes it.
#[repr(C)]
struct Constants {
    /// Left shift of magnitudes to 16 bits, and the bits that are left of them.
    left: u32,
    mask: u32,
    /// The coefficients, the highest first; all that are added with the rounding of a Q15 product,
    /// the last with that of the bump too.
    coefficients: [i32; 8],
    /// Right shift of the bump, with that of a Q15 product.
    right: u32,
}

impl Constants {
    fn new(bits: u32, bump: &[i16; 8]) -> Self {
        let rounded = |coefficient: i16| ((coefficient as i32) << 15) + (1 << 14);
        let [c0, c1, c2, c3, c4, c5, c6, c7] = *bump;
        let (left, shift) = (14 - bits, 16 - bits);
        Constants {
            left,
            mask: u32::MAX << left,
            coefficients: [
                c7 as i32,
                rounded(c6),
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
    // SAFETY: each of the rounds reads 2 numbers and writes 2, and reads the 11 words of the
    // constants. r6 and r7 may not be operands; they are saved and restored. Flags and the other
    // registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            "ldm r0!, {{r4, r5}}",
            "ldm r3!, {{r6, r7, r12, lr}}",
            "ssat r4, #16, r4",
            "ssat r5, #16, r5",
            // Magnitudes, not past the bump's end, and then s.
            "eor r8, r4, r4, asr #31",
            "eor r9, r5, r5, asr #31",
            "sub r8, r8, r4, asr #31",
            "sub r9, r9, r5, asr #31",
            ".irp s, r8, r9",
            "lsl \\s, \\s, r6",
            "usat \\s, #16, \\s",
            "and \\s, \\s, r7",
            "sub \\s, \\s, #0x8000",
            ".endr",
            "mla r10, r12, r8, lr",
            "mla r11, r12, r9, lr",
            "asr r10, r10, #15",
            "asr r11, r11, #15",
            "ldm r3!, {{r6, r7, r12, lr}}",
            ".irp c, r6, r7, r12, lr",
            "mla r10, r10, r8, \\c",
            "mla r11, r11, r9, \\c",
            "asr r10, r10, #15",
            "asr r11, r11, #15",
            ".endr",
            "ldm r3, {{r6, r7, r12}}",
            "mla r10, r10, r8, r6",
            "mla r11, r11, r9, r6",
            "asr r10, r10, #15",
            "asr r11, r11, #15",
            "mla r10, r10, r8, r7",
            "mla r11, r11, r9, r7",
            "asr r10, r10, r12",
            "asr r11, r11, r12",
            "sub r3, r3, #32",
            // What is positive of u, less the bump.
            "bic r4, r4, r4, asr #31",
            "bic r5, r5, r5, asr #31",
            "sub r4, r4, r10",
            "sub r5, r5, r11",
            "strh r4, [r1], #2",
            "strh r5, [r1], #2",
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
