//! The residual stream: LayerNorm, and hidden states of 12 bits.
//!
//! Where nibbles are packed and unpacked, a round is whole blocks of 16 channels, which `vsetvli`
//! alone would not see to; and at most 128, whose places are bytes.

use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::HiddenRow;
use crate::kernels::scalar;
use crate::shape::BLOCK;
use core::arch::asm;

pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    if gains.len() < row.len() {
        return scalar::normalize(row, hidden, gains, epsilon);
    }
    let mean = scalar::mean(sum(row), hidden);
    let squares = subtract(row, mean);
    let (shift, factor) = scalar::normalizer(squares, mean, row.len(), hidden, epsilon);
    // SAFETY: reads and writes the row and reads as many gains, which there are.
    unsafe {
        asm!(
            "csrwi vxrm, 0",
            "2:",
            "vsetvli t0, a1, e32, m8, ta, ma",
            "vle32.v v8, (a0)",
            "vle32.v v16, (a2)",
            "vsll.vx v8, v8, a3",
            "vmulh.vx v8, v8, a4",
            "vadd.vv v16, v16, v16",
            "vssra.vx v8, v8, a5",
            "vmulh.vv v8, v8, v16",
            "vse32.v v8, (a0)",
            "sub a1, a1, t0",
            "slli t0, t0, 2",
            "add a0, a0, t0",
            "add a2, a2, t0",
            "bnez a1, 2b",
            in("a0") row.as_mut_ptr(),
            in("a1") row.len(),
            in("a2") gains.as_ptr(),
            in("a3") shift,
            in("a4") factor.multiplier << 1,
            in("a5") factor.shift,
            clobber_abi("C"),
            options(nostack),
        );
    }
}

fn sum(row: &[i32]) -> i64 {
    let mut sum = 0;
    // SAFETY: reads the row and writes the sum.
    unsafe {
        asm!(
            "vsetivli zero, 1, e64, m1, ta, ma",
            "vmv.v.i v1, 0",
            "2:",
            "vsetvli t0, a1, e32, m8, ta, ma",
            "vle32.v v8, (a0)",
            "vwredsum.vs v1, v8, v1",
            "sub a1, a1, t0",
            "slli t0, t0, 2",
            "add a0, a0, t0",
            "bnez a1, 2b",
            "vsetivli zero, 1, e64, m1, ta, ma",
            "vse64.v v1, (a2)",
            in("a0") row.as_ptr(),
            in("a1") row.len(),
            in("a2") &mut sum,
            clobber_abi("C"),
            options(nostack),
        );
    }
    sum
}

/// Takes `mean` off; the sum of the squares of what is left.
fn subtract(row: &mut [i32], mean: i32) -> u64 {
    let mut squares = 0;
    // SAFETY: reads and writes the row, and writes the sum.
    unsafe {
        asm!(
            "vsetvli t1, zero, e64, m8, ta, ma",
            "vmv.v.i v16, 0",
            "2:",
            // Undisturbed: the last round leaves the sums of other lanes as they are.
            "vsetvli t0, a1, e32, m4, tu, ma",
            "vle32.v v8, (a0)",
            "vsub.vx v8, v8, a2",
            "vse32.v v8, (a0)",
            "vwmacc.vv v16, v8, v8",
            "sub a1, a1, t0",
            "slli t0, t0, 2",
            "add a0, a0, t0",
            "bnez a1, 2b",
            "vsetvli t1, zero, e64, m8, ta, ma",
            "vmv.s.x v1, zero",
            "vredsum.vs v1, v16, v1",
            "vsetivli zero, 1, e64, m1, ta, ma",
            "vse64.v v1, (a3)",
            in("a0") row.as_mut_ptr(),
            in("a1") row.len(),
            in("a2") mean,
            in("a3") &mut squares,
            clobber_abi("C"),
            options(nostack),
        );
    }
    squares
}

pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: FixedMultiplier, sums: &mut [i32]) {
    let blocks = (row.high.len() / BLOCK)
        .min(row.low.len() / (BLOCK / 2))
        .min(restore.len() / BLOCK)
        .min(sums.len() / BLOCK);
    // SAFETY: reads and writes 16 sums a block, and reads what they take of the others.
    unsafe {
        asm!(
            "csrwi vxrm, 0",
            // For each channel the place of its nibble's byte, and the nibble's place there.
            "li t1, 128",
            "vsetvli t1, t1, e8, m2, ta, ma",
            "vid.v v2",
            "vsrl.vi v4, v2, 4",
            "vsll.vi v4, v4, 3",
            "vand.vi v6, v2, 7",
            "vor.vv v4, v4, v6",
            "vand.vi v6, v2, 8",
            "vsrl.vi v6, v6, 1",
            "li t3, 16",
            "beqz a1, 4f",
            "2:",
            "mv t0, a1",
            "bleu a1, t1, 3f",
            "mv t0, t1",
            "3:",
            "srli t2, t0, 1",
            "vsetvli zero, t2, e8, m2, ta, ma",
            "vle8.v v8, (a2)",
            "vsetvli zero, t0, e8, m2, ta, ma",
            "vle8.v v10, (a0)",
            "vrgather.vv v12, v8, v4",
            "vsrl.vv v12, v12, v6",
            "vand.vi v12, v12, 15",
            "vwmul.vx v16, v10, t3",
            "vwaddu.wv v16, v16, v12",
            "vsetvli zero, zero, e16, m4, ta, ma",
            "vsub.vx v16, v16, a5",
            "vsetvli zero, zero, e32, m8, ta, ma",
            "vsext.vf2 v24, v16",
            "vle32.v v8, (a3)",
            "vsll.vi v24, v24, 17",
            "vadd.vv v8, v8, v8",
            "vmulh.vv v24, v24, v8",
            "vle32.v v8, (a4)",
            "vmulh.vx v24, v24, a6",
            "vssra.vx v24, v24, a7",
            "vadd.vv v8, v8, v24",
            "vse32.v v8, (a4)",
            "add a0, a0, t0",
            "add a2, a2, t2",
            "sub a1, a1, t0",
            "slli t0, t0, 2",
            "add a3, a3, t0",
            "add a4, a4, t0",
            "bnez a1, 2b",
            "4:",
            in("a0") row.high.as_ptr(),
            in("a1") blocks * BLOCK,
            in("a2") row.low.as_ptr(),
            in("a3") restore.as_ptr(),
            in("a4") sums.as_mut_ptr(),
            // Of the difference, 15 bits are not shifted out.
            in("a5") row.scale.zero_point.wrapping_mul(16).wrapping_add(8),
            in("a6") factor.multiplier << 1,
            in("a7") factor.shift,
            clobber_abi("C"),
            options(nostack),
        );
    }
}

pub fn quantize_hidden(
    row: &[i32],
    narrow: Requantizer,
    zero_point: i32,
    high: &mut [i8],
    low: &mut [u8],
) {
    let blocks = (row.len() / BLOCK)
        .min(high.len() / BLOCK)
        .min(low.len() / (BLOCK / 2));
    // SAFETY: reads 16 numbers a block and writes 16 bytes and 8, which all slices have.
    unsafe {
        asm!(
            "li t1, 128",
            "vsetvli t1, t1, e8, m2, ta, ma",
            // The first half of each block, as a number of 64 bits.
            "vsetvli t3, zero, e64, m2, ta, ma",
            "vid.v v4",
            "vsll.vi v4, v4, 1",
            "li t4, -2048",
            "li t5, 2039",
            "beqz a1, 4f",
            "2:",
            "mv t0, a1",
            "bleu a1, t1, 3f",
            "mv t0, t1",
            "3:",
            "vsetvli zero, t0, e32, m8, ta, ma",
            "vle32.v v8, (a0)",
            "vsra.vx v8, v8, a4",
            "vmul.vx v8, v8, a5",
            "vadd.vx v8, v8, s2",
            "vsra.vx v8, v8, a6",
            "vadd.vx v8, v8, a7",
            "vsetvli zero, zero, e16, m4, ta, ma",
            "vnclip.wi v16, v8, 0",
            "vmax.vx v16, v16, t4",
            "vmin.vx v16, v16, t5",
            "vadd.vi v16, v16, 8",
            "vsetvli zero, zero, e8, m2, ta, ma",
            "vnsra.wi v20, v16, 4",
            "vse8.v v20, (a2)",
            "vnsrl.wi v22, v16, 0",
            "vand.vi v22, v22, 15",
            // Channel i + 8 into the upper half of channel i's byte.
            "srli t2, t0, 3",
            "vsetvli zero, t2, e64, m2, ta, ma",
            "vslidedown.vi v24, v22, 1",
            "vsll.vi v24, v24, 4",
            "vor.vv v24, v24, v22",
            "vrgather.vv v26, v24, v4",
            "srli t2, t0, 1",
            "vsetvli zero, t2, e8, m2, ta, ma",
            "vse8.v v26, (a3)",
            "add a2, a2, t0",
            "add a3, a3, t2",
            "sub a1, a1, t0",
            "slli t0, t0, 2",
            "add a0, a0, t0",
            "bnez a1, 2b",
            "4:",
            in("a0") row.as_ptr(),
            in("a1") blocks * BLOCK,
            in("a2") high.as_mut_ptr(),
            in("a3") low.as_mut_ptr(),
            in("a4") narrow.pre_shift,
            in("a5") narrow.multiplier,
            in("a6") narrow.shift,
            in("a7") zero_point.wrapping_mul(16),
            in("s2") narrow.rounding(),
            clobber_abi("C"),
            options(nostack),
        );
    }
}
