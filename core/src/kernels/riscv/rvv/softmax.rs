//! Attention weights.

use crate::kernels::SoftmaxScales;
use crate::kernels::scalar::{self, DITHER};
use core::arch::asm;

pub fn softmax(scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
    let keys = scores.len();
    if scales.keys.len() < keys || scales.values.len() < keys || out.len() < keys {
        return scalar::softmax(scores, scales, out);
    }
    let largest = scale(scores, scales);
    weigh(scores, scales, largest, out)
}

/// Brings scores to a common scale; the largest.
fn scale(scores: &mut [i32], scales: &SoftmaxScales<'_>) -> i32 {
    let largest;
    // SAFETY: reads and writes all scores and reads as many keys, which there are.
    unsafe {
        asm!(
            "vsetivli zero, 1, e32, m1, ta, ma",
            "vmv.s.x v1, a4",
            "2:",
            "vsetvli t0, a1, e32, m8, ta, ma",
            "vle32.v v8, (a0)",
            "vle32.v v16, (a2)",
            "vsll.vx v8, v8, a3",
            "vadd.vv v16, v16, v16",
            "vmulh.vv v8, v8, v16",
            "vse32.v v8, (a0)",
            "vredmax.vs v1, v8, v1",
            "slli t1, t0, 2",
            "add a0, a0, t1",
            "add a2, a2, t1",
            "sub a1, a1, t0",
            "bnez a1, 2b",
            "vmv.x.s a5, v1",
            in("a0") scores.as_mut_ptr(),
            in("a1") scores.len(),
            in("a2") scales.keys.as_ptr(),
            in("a3") scales.shift,
            in("a4") i32::MIN,
            lateout("a5") largest,
            clobber_abi("C"),
            options(nostack),
        );
    }
    largest
}

/// The dither in 16 bits, as it is added to weights.
const DITHER_HALVES: [i16; 16] = {
    let mut halves = [0; 16];
    let mut i = 0;
    while i < 16 {
        halves[i] = DITHER[i] as i16;
        i += 1;
    }
    halves
};

/// Weights of the scaled scores, and the sum of their exponentials.
fn weigh(scores: &[i32], scales: &SoftmaxScales<'_>, largest: i32, out: &mut [i8]) -> u32 {
    let sum;
    // SAFETY: reads all scores, as many values and 16 numbers of the dither, and writes as many
    // weights, all of which there are.
    unsafe {
        asm!(
            "csrwi vxrm, 0",
            // The dither again and again.
            "vsetivli zero, 16, e16, m2, ta, ma",
            "vle16.v v0, (a7)",
            "vsetvli t1, zero, e16, m4, ta, ma",
            "vid.v v8",
            "vand.vi v8, v8, 15",
            "vrgather.vv v4, v0, v8",
            "vsetivli zero, 1, e32, m1, ta, ma",
            "vmv.s.x v0, zero",
            "li t2, -1316",
            "li t3, 7600",
            "li t4, -22670",
            "li t5, 32767",
            "li t6, -128",
            "2:",
            // Not what `vsetvli` makes of the last two rounds, but whole periods of the dither.
            "mv t0, a1",
            "bleu a1, t1, 3f",
            "mv t0, t1",
            "3:",
            "vsetvli zero, t0, e32, m8, ta, ma",
            "vle32.v v8, (a0)",
            "vrsub.vx v8, v8, a3",
            "vmulh.vx v8, v8, a4",
            "vsetvli zero, zero, e16, m4, ta, ma",
            "vnclip.wx v16, v8, a5",
            "vmax.vx v16, v16, zero",
            // 2 to the power of the fraction, then shifted by the whole part.
            "vsll.vi v20, v16, 5",
            "vsrl.vi v20, v20, 1",
            "vsrl.vi v16, v16, 11",
            "vsmul.vx v24, v20, t2",
            "vadd.vx v24, v24, t3",
            "vsmul.vv v24, v24, v20",
            "vadd.vx v24, v24, t4",
            "vsmul.vv v24, v24, v20",
            "vadd.vx v24, v24, t5",
            "vsra.vv v24, v24, v16",
            "vwredsumu.vs v0, v24, v0",
            "vle16.v v20, (a2)",
            "vsmul.vv v24, v24, v20",
            "vadd.vv v24, v24, v4",
            "vsetvli zero, zero, e8, m2, ta, ma",
            "vnsrl.wi v28, v24, 7",
            "vadd.vx v28, v28, t6",
            "vse8.v v28, (a6)",
            "add a6, a6, t0",
            "sub a1, a1, t0",
            "slli t0, t0, 1",
            "add a2, a2, t0",
            "slli t0, t0, 1",
            "add a0, a0, t0",
            "bnez a1, 2b",
            "vsetivli zero, 1, e32, m1, ta, ma",
            "vmv.x.s s2, v0",
            in("a0") scores.as_ptr(),
            in("a1") scores.len(),
            in("a2") scales.values.as_ptr(),
            in("a3") largest,
            in("a4") scales.exponent.multiplier << 1,
            in("a5") scales.exponent.shift,
            in("a6") out.as_mut_ptr(),
            in("a7") &DITHER_HALVES,
            lateout("s2") sum,
            clobber_abi("C"),
            options(nostack),
        );
    }
    sum
}
