//! Rows brought to 8 and 12 bits: a shift, a product and a rounding shift, then narrowing, which
//! saturates.

use crate::fixed::Requantizer;
use crate::kernels::scalar;
use crate::shape::BLOCK;
use core::arch::asm;

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
    // With any other, the sum in 16 bits would not do.
    if blocks == 0 || i8::try_from(zero_point).is_err() {
        return scalar::quantize_hidden(row, narrow, zero_point, high, low);
    }
    // SAFETY: each of the rounds reads 16 elements of `row` and writes 16 of `high` and 8 of
    // `low`, which have as many blocks.
    unsafe {
        asm!(
            "dls lr, lr",
            "2:",
            // Even and odd channels, so that narrowing interleaves them in their order.
            "vld20.32 {{q0, q1}}, [{row}]",
            "vld21.32 {{q0, q1}}, [{row}]!",
            "vld20.32 {{q2, q3}}, [{row}]",
            "vld21.32 {{q2, q3}}, [{row}]!",
            ".irp channels, q0, q1, q2, q3",
            "vshl.s32 \\channels, {pre_shift}",
            "vmul.i32 \\channels, \\channels, {multiplier}",
            "vrshl.s32 \\channels, {shift}",
            ".endr",
            "vqmovnb.s32 q0, q0",
            "vqmovnt.s32 q0, q1",
            "vqmovnb.s32 q2, q2",
            "vqmovnt.s32 q2, q3",
            // 12 bits on top of 16: both ends saturate before and after eight is added.
            ".irp channels, q0, q2",
            "vqadd.s16 \\channels, \\channels, {zero}",
            "vqshl.s16 \\channels, \\channels, #4",
            "vqadd.s16 \\channels, \\channels, {eight}",
            ".endr",
            "vshr.s16 q1, q0, #8",
            "vstrb.16 q1, [r1], #8",
            "vshr.s16 q3, q2, #8",
            "vstrb.16 q3, [r1], #8",
            "vsri.8 q2, q0, #4",
            "vstrb.16 q2, [r2], #8",
            "le lr, 2b",
            row = inout(reg) row.as_ptr() => _,
            inout("r1") high.as_mut_ptr() => _,
            inout("r2") low.as_mut_ptr() => _,
            pre_shift = in(reg) -(narrow.pre_shift as i32),
            multiplier = in(reg) narrow.multiplier,
            shift = in(reg) -(narrow.shift as i32),
            zero = in(reg) 16 * zero_point,
            eight = in(reg) 8 << 4,
            inout("lr") blocks => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            options(nostack),
        );
    }
}

pub fn quantize(row: &[i32], narrow: Requantizer, out: &mut [i8]) {
    let (blocks, rest) = row.as_chunks::<BLOCK>();
    let (out_blocks, out_rest) = out.as_chunks_mut::<BLOCK>();
    if blocks.is_empty() || out_blocks.len() < blocks.len() {
        return scalar::quantize(row, narrow, 0, out);
    }
    // SAFETY: each of the rounds reads a block of `row` and writes one of `out`, which has at
    // least as many.
    unsafe {
        asm!(
            "dls lr, lr",
            "2:",
            // Every fourth channel, so that narrowing twice interleaves them in their order.
            "vld40.32 {{q0, q1, q2, q3}}, [{row}]",
            "vld41.32 {{q0, q1, q2, q3}}, [{row}]",
            "vld42.32 {{q0, q1, q2, q3}}, [{row}]",
            "vld43.32 {{q0, q1, q2, q3}}, [{row}]!",
            ".irp channels, q0, q1, q2, q3",
            "vshl.s32 \\channels, {pre_shift}",
            "vmul.i32 \\channels, \\channels, {multiplier}",
            "vrshl.s32 \\channels, {shift}",
            ".endr",
            "vqmovnb.s32 q0, q0",
            "vqmovnt.s32 q0, q2",
            "vqmovnb.s32 q1, q1",
            "vqmovnt.s32 q1, q3",
            "vqmovnb.s16 q0, q0",
            "vqmovnt.s16 q0, q1",
            "vstrb.8 q0, [{out}], #16",
            "le lr, 2b",
            row = inout(reg) blocks.as_ptr() => _,
            out = inout(reg) out_blocks.as_mut_ptr() => _,
            pre_shift = in(reg) -(narrow.pre_shift as i32),
            multiplier = in(reg) narrow.multiplier,
            shift = in(reg) -(narrow.shift as i32),
            inout("lr") blocks.len() => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            options(nostack),
        );
    }
    if !rest.is_empty() {
        scalar::quantize(rest, narrow, 0, out_rest);
    }
}

pub fn quantize_activated(row: &[i16], narrow: Requantizer, zero_point: i32, out: &mut [i8]) {
    let (blocks, rest) = row.as_chunks::<BLOCK>();
    let (out_blocks, out_rest) = out.as_chunks_mut::<BLOCK>();
    let fits = i16::try_from(narrow.multiplier).is_ok() && i8::try_from(zero_point).is_ok();
    if !fits || blocks.is_empty() || out_blocks.len() < blocks.len() {
        return scalar::quantize(row, narrow, zero_point, out);
    }
    // SAFETY: as in `quantize`.
    unsafe {
        asm!(
            "vdup.16 q4, {multiplier}",
            "dls lr, lr",
            "2:",
            // Even and odd channels; of each, products widen the even and the odd ones.
            "vld20.16 {{q0, q1}}, [{row}]",
            "vld21.16 {{q0, q1}}, [{row}]!",
            "vshl.s16 q0, {pre_shift}",
            "vshl.s16 q1, {pre_shift}",
            "vmullb.s16 q2, q0, q4",
            "vrshl.s32 q2, {shift}",
            "vmullt.s16 q3, q0, q4",
            "vrshl.s32 q3, {shift}",
            "vmullb.s16 q0, q1, q4",
            "vqmovnb.s32 q2, q2",
            "vmullt.s16 q1, q1, q4",
            "vqmovnt.s32 q2, q3",
            "vrshl.s32 q0, {shift}",
            "vqmovnb.s32 q0, q0",
            "vrshl.s32 q1, {shift}",
            "vqmovnt.s32 q0, q1",
            "vqadd.s16 q2, q2, {zero_point}",
            "vqadd.s16 q0, q0, {zero_point}",
            "vqmovnb.s16 q2, q2",
            "vqmovnt.s16 q2, q0",
            "vstrb.8 q2, [{out}], #16",
            "le lr, 2b",
            row = inout(reg) blocks.as_ptr() => _,
            out = inout(reg) out_blocks.as_mut_ptr() => _,
            pre_shift = in(reg) -(narrow.pre_shift as i32),
            multiplier = in(reg) narrow.multiplier,
            shift = in(reg) -(narrow.shift as i32),
            zero_point = in(reg) zero_point,
            inout("lr") blocks.len() => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            out("q4") _,
            options(nostack),
        );
    }
    if !rest.is_empty() {
        scalar::quantize(rest, narrow, zero_point, out_rest);
    }
}

pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    let count = row.len().min(out.len());
    // SAFETY: the loop reads `count` elements of `row` and writes as many of `out`: the last
    // round's lanes are cut by the loop's own count.
    unsafe {
        asm!(
            "dlstp.16 lr, lr",
            "2:",
            "vldrb.s16 q0, [r1], #8",
            "vqrdmulh.s16 q0, q0, {ratio}",
            "vstrb.16 q0, [r2], #8",
            "letp lr, 2b",
            inout("r1") row.as_ptr() => _,
            inout("r2") out.as_mut_ptr() => _,
            ratio = in(reg) ratio as i32,
            inout("lr") count => _,
            out("q0") _,
            options(nostack),
        );
    }
}
