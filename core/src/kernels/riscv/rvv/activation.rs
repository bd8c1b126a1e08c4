//! Activation functions, on 16 bits.

use crate::kernels::scalar::{GELU_ERF, GELU_TANH};
use crate::shape::Activation;
use core::arch::asm;

pub fn activate(kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
    match kind {
        Activation::GeluErf => gelu(fraction_bits, &GELU_ERF, input, out),
        Activation::GeluTanh => gelu(fraction_bits, &GELU_TANH, input, out),
        Activation::Relu => relu(input, out),
    }
}

/// [`scalar::gelu`](crate::kernels::scalar): the polynomial is that of the bump.
fn gelu(bits: u32, polynomial: &[i16; 8], input: &[i32], out: &mut [i16]) {
    // SAFETY: reads as many numbers as it writes, which both slices have, and the polynomial's
    // eight.
    unsafe {
        asm!(
            "csrwi vxrm, 0",
            "lh t1, 0(a7)",
            "lh t2, 2(a7)",
            "lh t3, 4(a7)",
            "lh t4, 6(a7)",
            "lh t5, 8(a7)",
            "lh t6, 10(a7)",
            "lh s2, 12(a7)",
            "lh a7, 14(a7)",
            "2:",
            "vsetvli t0, a1, e16, m4, ta, ma",
            "vle32.v v8, (a0)",
            "vnclip.wi v16, v8, 0",
            // Its magnitude, unsigned, up to where the bump ends.
            "vrsub.vi v20, v16, 0",
            "vmax.vv v20, v20, v16",
            "vminu.vx v20, v20, a3",
            "vsll.vx v20, v20, a4",
            "vxor.vx v20, v20, a5",
            "vsmul.vx v24, v20, a7",
            ".irp coefficient, s2, t6, t5, t4, t3, t2",
            "vadd.vx v24, v24, \\coefficient",
            "vsmul.vv v24, v24, v20",
            ".endr",
            "vadd.vx v24, v24, t1",
            "vssra.vx v24, v24, a6",
            "vmax.vx v16, v16, zero",
            "vsub.vv v16, v16, v24",
            "vse16.v v16, (a2)",
            "sub a1, a1, t0",
            "slli t0, t0, 1",
            "add a2, a2, t0",
            "slli t0, t0, 1",
            "add a0, a0, t0",
            "bnez a1, 2b",
            in("a0") input.as_ptr(),
            in("a1") input.len().min(out.len()),
            in("a2") out.as_mut_ptr(),
            in("a3") (1 << (bits + 2)) - 1,
            in("a4") 14 - bits,
            in("a5") -32768,
            in("a6") 16 - bits,
            in("a7") polynomial,
            out("s2") _,
            clobber_abi("C"),
            options(nostack),
        );
    }
}

fn relu(input: &[i32], out: &mut [i16]) {
    // SAFETY: reads as many numbers as it writes, which both slices have.
    unsafe {
        asm!(
            "2:",
            "vsetvli t0, a1, e16, m4, ta, ma",
            "vle32.v v8, (a0)",
            "vnclip.wi v16, v8, 0",
            "vmax.vx v16, v16, zero",
            "vse16.v v16, (a2)",
            "sub a1, a1, t0",
            "slli t0, t0, 1",
            "add a2, a2, t0",
            "slli t0, t0, 1",
            "add a0, a0, t0",
            "bnez a1, 2b",
            in("a0") input.as_ptr(),
            in("a1") input.len().min(out.len()),
            in("a2") out.as_mut_ptr(),
            clobber_abi("C"),
            options(nostack),
        );
    }
}
