//! What goes through a row once: ranges, narrowing, embeddings, values.

use crate::blob::PAIR;
use crate::fixed::Requantizer;
use crate::kernels::scalar;
use crate::shape::BLOCK;
use core::arch::asm;

pub fn range(row: &[i32]) -> (i32, i32) {
    let (low, high);
    // SAFETY: reads the row.
    unsafe {
        asm!(
            "vsetivli zero, 1, e32, m1, ta, ma",
            "vmv.v.i v1, 0",
            "vmv.v.i v2, 0",
            "2:",
            "vsetvli t0, a1, e32, m8, ta, ma",
            "vle32.v v8, (a0)",
            "vredmin.vs v1, v8, v1",
            "vredmax.vs v2, v8, v2",
            "sub a1, a1, t0",
            "slli t0, t0, 2",
            "add a0, a0, t0",
            "bnez a1, 2b",
            "vmv.x.s a2, v1",
            "vmv.x.s a3, v2",
            in("a0") row.as_ptr(),
            in("a1") row.len(),
            lateout("a2") low,
            lateout("a3") high,
            clobber_abi("C"),
            options(readonly, nostack),
        );
    }
    (low, high)
}

pub fn range_activated(row: &[i16]) -> (i32, i32) {
    let (low, high);
    // SAFETY: reads the row.
    unsafe {
        asm!(
            "vsetivli zero, 1, e16, m1, ta, ma",
            "vmv.v.i v1, 0",
            "vmv.v.i v2, 0",
            "2:",
            "vsetvli t0, a1, e16, m8, ta, ma",
            "vle16.v v8, (a0)",
            "vredmin.vs v1, v8, v1",
            "vredmax.vs v2, v8, v2",
            "sub a1, a1, t0",
            "slli t0, t0, 1",
            "add a0, a0, t0",
            "bnez a1, 2b",
            "vmv.x.s a2, v1",
            "vmv.x.s a3, v2",
            in("a0") row.as_ptr(),
            in("a1") row.len(),
            lateout("a2") low,
            lateout("a3") high,
            clobber_abi("C"),
            options(readonly, nostack),
        );
    }
    (low, high)
}

pub fn quantize(row: &[i32], narrow: Requantizer, out: &mut [i8]) {
    // SAFETY: reads as many numbers as it writes, which both slices have.
    unsafe {
        asm!(
            "2:",
            "vsetvli t0, a1, e32, m8, ta, ma",
            "vle32.v v8, (a0)",
            "vsra.vx v8, v8, a3",
            "vmul.vx v8, v8, a4",
            "vadd.vx v8, v8, a6",
            "vsra.vx v8, v8, a5",
            "vsetvli zero, zero, e16, m4, ta, ma",
            "vnclip.wi v16, v8, 0",
            "vsetvli zero, zero, e8, m2, ta, ma",
            "vnclip.wi v8, v16, 0",
            "vse8.v v8, (a2)",
            "add a2, a2, t0",
            "sub a1, a1, t0",
            "slli t0, t0, 2",
            "add a0, a0, t0",
            "bnez a1, 2b",
            in("a0") row.as_ptr(),
            in("a1") row.len().min(out.len()),
            in("a2") out.as_mut_ptr(),
            in("a3") narrow.pre_shift,
            in("a4") narrow.multiplier,
            in("a5") narrow.shift,
            in("a6") narrow.rounding(),
            clobber_abi("C"),
            options(nostack),
        );
    }
}

pub fn quantize_activated(row: &[i16], narrow: Requantizer, zero_point: i32, out: &mut [i8]) {
    // What 16-bit shifts and factors cannot hold, no row of 16 bits asks for.
    if narrow.pre_shift > 15 || narrow.multiplier > i16::MAX as i32 {
        return scalar::quantize(row, narrow, zero_point, out);
    }
    // SAFETY: reads as many numbers as it writes, which both slices have.
    unsafe {
        asm!(
            "2:",
            "vsetvli t0, a1, e16, m4, ta, ma",
            "vle16.v v16, (a0)",
            "vsra.vx v16, v16, a3",
            "vwmul.vx v8, v16, a4",
            "vsetvli zero, zero, e32, m8, ta, ma",
            "vadd.vx v8, v8, a6",
            "vsra.vx v8, v8, a5",
            "vadd.vx v8, v8, a7",
            "vsetvli zero, zero, e16, m4, ta, ma",
            "vnclip.wi v16, v8, 0",
            "vsetvli zero, zero, e8, m2, ta, ma",
            "vnclip.wi v8, v16, 0",
            "vse8.v v8, (a2)",
            "add a2, a2, t0",
            "sub a1, a1, t0",
            "slli t0, t0, 1",
            "add a0, a0, t0",
            "bnez a1, 2b",
            in("a0") row.as_ptr(),
            in("a1") row.len().min(out.len()),
            in("a2") out.as_mut_ptr(),
            in("a3") narrow.pre_shift,
            in("a4") narrow.multiplier,
            in("a5") narrow.shift,
            in("a6") narrow.rounding(),
            in("a7") zero_point,
            clobber_abi("C"),
            options(nostack),
        );
    }
}

pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    // SAFETY: reads as many bytes as it writes, which both slices have.
    unsafe {
        asm!(
            "csrwi vxrm, 0",
            "2:",
            "vsetvli t0, a1, e16, m8, ta, ma",
            "vle8.v v4, (a0)",
            "vsext.vf2 v8, v4",
            "vsmul.vx v8, v8, a3",
            "vsetvli zero, zero, e8, m4, ta, ma",
            "vnsrl.wi v4, v8, 0",
            "vse8.v v4, (a2)",
            "add a0, a0, t0",
            "add a2, a2, t0",
            "sub a1, a1, t0",
            "bnez a1, 2b",
            in("a0") row.as_ptr(),
            in("a1") row.len().min(out.len()),
            in("a2") out.as_mut_ptr(),
            in("a3") ratio,
            clobber_abi("C"),
            options(nostack),
        );
    }
}

pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let pairs = multipliers
        .len()
        .min(nibbles.len() / BLOCK)
        .min(out.len() / PAIR);
    if pairs == 0 {
        return;
    }
    // SAFETY: each of the rounds reads 16 bytes of `nibbles`, which a vector register holds at
    // least, and one of `multipliers`, and writes 32 of `out`: all have as many.
    unsafe {
        asm!(
            "vsetivli zero, 16, e8, m1, ta, ma",
            "2:",
            "vle8.v v8, (a0)",
            "lbu t0, (a1)",
            "addi a4, a2, 16",
            "vand.vi v9, v8, 15",
            "vsrl.vi v8, v8, 4",
            "andi t1, t0, 15",
            "srli t0, t0, 4",
            "vadd.vi v9, v9, -8",
            "vadd.vi v8, v8, -8",
            "vmul.vx v9, v9, t1",
            "vmul.vx v8, v8, t0",
            "vse8.v v9, (a2)",
            "vse8.v v8, (a4)",
            "addi a0, a0, 16",
            "addi a1, a1, 1",
            "addi a2, a2, 32",
            "addi a3, a3, -1",
            "bnez a3, 2b",
            in("a0") nibbles.as_ptr(),
            in("a1") multipliers.as_ptr(),
            in("a2") out.as_mut_ptr(),
            in("a3") pairs,
            clobber_abi("C"),
            options(nostack),
        );
    }
}

pub fn add_embedding(row: &[i8], multiplier: u16, sums: &mut [i32]) {
    // SAFETY: reads as many bytes as it reads and writes sums, which both slices have.
    unsafe {
        asm!(
            "2:",
            "vsetvli t0, a1, e16, m4, ta, ma",
            "vle8.v v4, (a0)",
            "vle32.v v8, (a2)",
            "vsext.vf2 v16, v4",
            "vwmaccus.vx v8, a3, v16",
            "vse32.v v8, (a2)",
            "add a0, a0, t0",
            "sub a1, a1, t0",
            "slli t0, t0, 2",
            "add a2, a2, t0",
            "bnez a1, 2b",
            in("a0") row.as_ptr(),
            in("a1") row.len().min(sums.len()),
            in("a2") sums.as_mut_ptr(),
            in("a3") multiplier,
            clobber_abi("C"),
            options(nostack),
        );
    }
}

pub fn pack_values(rows: &[i8], first: usize, depth: usize, out: &mut [i8], sums: &mut [i32]) {
    let channels = sums.len();
    let count = rows.len().checked_div(channels).unwrap_or(0);
    let fits = channels > 0
        && channels.is_multiple_of(BLOCK)
        && depth.is_multiple_of(BLOCK)
        && first.checked_add(count).is_some_and(|end| end <= depth)
        && channels.checked_mul(depth).is_some_and(|n| n <= out.len());
    if !fits {
        return scalar::pack_values(rows, first, depth, out, sums);
    }
    for (index, row) in rows.chunks_exact(channels).enumerate() {
        let column = first + index;
        let out = &mut out[column / BLOCK * BLOCK * BLOCK + column % BLOCK..];
        // SAFETY: a step reads 16 values, reads and writes as many sums, and writes a column of a
        // block, all of which there are as the column is below `depth`.
        unsafe {
            asm!(
                "li t0, 16",
                "vsetivli zero, 16, e8, m1, ta, ma",
                "2:",
                "vle8.v v8, (a0)",
                "vsse8.v v8, (a2), t0",
                "vsetvli zero, zero, e32, m4, ta, ma",
                "vle32.v v12, (a3)",
                "vsext.vf4 v16, v8",
                "vadd.vv v12, v12, v16",
                "vse32.v v12, (a3)",
                "vsetvli zero, zero, e8, m1, ta, ma",
                "addi a0, a0, 16",
                "add a2, a2, a4",
                "addi a3, a3, 64",
                "addi a1, a1, -1",
                "bnez a1, 2b",
                in("a0") row.as_ptr(),
                in("a1") channels / BLOCK,
                in("a2") out.as_mut_ptr(),
                in("a3") sums.as_mut_ptr(),
                in("a4") depth * BLOCK,
                clobber_abi("C"),
                options(nostack),
            );
        }
    }
}
