//! What works on rows of integers. Loops that count elements rather than rounds (`DLSTP`, `LETP`)
//! cut the lanes of their last round by themselves.

use crate::fixed::FixedMultiplier;
use crate::kernels::HiddenRow;
use crate::kernels::scalar::{self, mean, normalizer};
use crate::shape::BLOCK;
use core::arch::asm;

pub fn range(row: &[i32]) -> (i32, i32) {
    let (mut low, mut high) = (0, 0);
    // SAFETY: reads the elements of `row`.
    unsafe {
        asm!(
            "vmov.i32 q1, #0",
            "vmov.i32 q2, #0",
            "dlstp.32 lr, lr",
            "2:",
            "vldrw.u32 q0, [{row}], #16",
            "vmin.s32 q1, q1, q0",
            "vmax.s32 q2, q2, q0",
            "letp lr, 2b",
            "vminv.s32 {low}, q1",
            "vmaxv.s32 {high}, q2",
            row = inout(reg) row.as_ptr() => _,
            low = inout(reg) low,
            high = inout(reg) high,
            inout("lr") row.len() => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            options(nostack, readonly),
        );
    }
    (low, high)
}

pub fn range_activated(row: &[i16]) -> (i32, i32) {
    let (mut low, mut high) = (0, 0);
    // SAFETY: reads the elements of `row`.
    unsafe {
        asm!(
            "vmov.i32 q1, #0",
            "vmov.i32 q2, #0",
            "dlstp.16 lr, lr",
            "2:",
            "vldrh.u16 q0, [{row}], #16",
            "vmin.s16 q1, q1, q0",
            "vmax.s16 q2, q2, q0",
            "letp lr, 2b",
            "vminv.s16 {low}, q1",
            "vmaxv.s16 {high}, q2",
            row = inout(reg) row.as_ptr() => _,
            low = inout(reg) low,
            high = inout(reg) high,
            inout("lr") row.len() => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            options(nostack, readonly),
        );
    }
    (low, high)
}

pub fn max_abs(row: &[i32]) -> u32 {
    let mut largest = 0;
    // SAFETY: reads the elements of `row`.
    unsafe {
        asm!(
            "vmov.i32 q1, #0",
            "dlstp.32 lr, lr",
            "2:",
            "vldrw.u32 q0, [{row}], #16",
            "vmaxa.s32 q1, q0",
            "letp lr, 2b",
            "vmaxv.u32 {largest}, q1",
            row = inout(reg) row.as_ptr() => _,
            largest = inout(reg) largest,
            inout("lr") row.len() => _,
            out("q0") _,
            out("q1") _,
            options(nostack, readonly),
        );
    }
    largest
}

pub fn normalize(row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
    let mean = mean(sum(row), hidden);
    let squares = center(row, mean);
    let (shift, factor) = normalizer(squares, mean, row.len(), hidden, epsilon);
    gain(row, shift, factor, gains);
}

fn sum(row: &[i32]) -> i64 {
    let (low, high): (u32, u32);
    // SAFETY: reads the elements of `row`.
    unsafe {
        asm!(
            "dlstp.32 lr, lr",
            "2:",
            "vldrw.u32 q0, [{row}], #16",
            "vaddlva.s32 r0, r1, q0",
            "letp lr, 2b",
            row = inout(reg) row.as_ptr() => _,
            inout("r0") 0 => low,
            inout("r1") 0 => high,
            inout("lr") row.len() => _,
            out("q0") _,
            options(nostack, readonly),
        );
    }
    (u64::from(high) << 32 | u64::from(low)) as i64
}

/// Subtracts the mean; the sum of the squares of what remains.
fn center(row: &mut [i32], mean: i32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads and writes the elements of `row`.
    unsafe {
        asm!(
            "dlstp.32 lr, lr",
            "2:",
            "vldrw.u32 q0, [{row}]",
            "vsub.i32 q0, q0, {mean}",
            "vmlaldava.s32 r0, r1, q0, q0",
            "vstrw.32 q0, [{row}], #16",
            "letp lr, 2b",
            row = inout(reg) row.as_mut_ptr() => _,
            mean = in(reg) mean,
            inout("r0") 0 => low,
            inout("r1") 0 => high,
            inout("lr") row.len() => _,
            out("q0") _,
            options(nostack),
        );
    }
    u64::from(high) << 32 | u64::from(low)
}

fn gain(row: &mut [i32], shift: u32, factor: FixedMultiplier, gains: &[i32]) {
    // SAFETY: reads and writes as many elements of `row`, and reads as many of `gains`, as both
    // have.
    unsafe {
        asm!(
            "dlstp.32 lr, lr",
            "2:",
            "vldrw.u32 q0, [{row}]",
            "vshl.s32 q0, {shift}",
            "vldrw.u32 q1, [{gains}], #16",
            "vqdmulh.s32 q0, q0, {multiplier}",
            "vrshl.s32 q0, {right_shift}",
            "vqdmulh.s32 q0, q0, q1",
            "vstrw.32 q0, [{row}], #16",
            "letp lr, 2b",
            row = inout(reg) row.as_mut_ptr() => _,
            gains = inout(reg) gains.as_ptr() => _,
            shift = in(reg) shift,
            multiplier = in(reg) factor.multiplier,
            right_shift = in(reg) -(factor.shift as i32),
            inout("lr") row.len().min(gains.len()) => _,
            out("q0") _,
            out("q1") _,
            options(nostack),
        );
    }
}

pub fn add_embedding(row: &[i8], multiplier: u16, sums: &mut [i32]) {
    // SAFETY: reads as many elements of `row`, and reads and writes as many of `sums`, as both
    // have.
    unsafe {
        asm!(
            "dlstp.32 lr, lr",
            "2:",
            "vldrb.s32 q0, [r1], #4",
            "vldrw.u32 q1, [{sums}]",
            "vmla.s32 q1, q0, {multiplier}",
            "vstrw.32 q1, [{sums}], #16",
            "letp lr, 2b",
            inout("r1") row.as_ptr() => _,
            sums = inout(reg) sums.as_mut_ptr() => _,
            multiplier = in(reg) u32::from(multiplier),
            inout("lr") row.len().min(sums.len()) => _,
            out("q0") _,
            out("q1") _,
            options(nostack),
        );
    }
}

pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: FixedMultiplier, sums: &mut [i32]) {
    let blocks = (row.high.len() / BLOCK)
        .min(row.low.len() / (BLOCK / 2))
        .min(restore.len() / BLOCK)
        .min(sums.len() / BLOCK);
    if blocks == 0 {
        return;
    }
    let zero = row.scale.zero_point.wrapping_mul(16).wrapping_add(8);
    // SAFETY: each of the rounds reads 16 elements of `high` and `restore` and 8 of `low`, and
    // reads and writes 16 of `sums`, all of which have as many blocks.
    unsafe {
        asm!(
            "vmov.i32 q4, #0x20000",
            "dls lr, lr",
            "2:",
            // Four channels and those whose nibbles lie in the same bytes, eight further on;
            // then the next four of both, and on to the next block.
            ".irp next, 4, 12",
            "vldrb.u32 q0, [r1], #4",
            "vldrb.s32 q3, [r2, #8]",
            "vshr.u32 q1, q0, #4",
            "vldrb.s32 q2, [r2], #\\next",
            "vsli.32 q1, q3, #4",
            "vsli.32 q0, q2, #4",
            "vldrw.u32 q3, [{restore}, #32]",
            "vmlas.s32 q1, q4, {minus_zero}",
            "vldrw.u32 q2, [{restore}], #(4 * \\next)",
            "vmlas.s32 q0, q4, {minus_zero}",
            "vqdmulh.s32 q1, q1, q3",
            "vqdmulh.s32 q0, q0, q2",
            "vqdmulh.s32 q1, q1, {multiplier}",
            "vldrw.u32 q3, [{sums}, #32]",
            "vqdmulh.s32 q0, q0, {multiplier}",
            "vldrw.u32 q2, [{sums}]",
            "vrshl.s32 q1, {right_shift}",
            "vrshl.s32 q0, {right_shift}",
            "vadd.i32 q1, q1, q3",
            "vstrw.32 q1, [{sums}, #32]",
            "vadd.i32 q0, q0, q2",
            "vstrw.32 q0, [{sums}], #(4 * \\next)",
            ".endr",
            "le lr, 2b",
            inout("r1") row.low.as_ptr() => _,
            inout("r2") row.high.as_ptr() => _,
            restore = inout(reg) restore.as_ptr() => _,
            sums = inout(reg) sums.as_mut_ptr() => _,
            minus_zero = in(reg) zero.wrapping_neg() << 17,
            multiplier = in(reg) factor.multiplier,
            right_shift = in(reg) -(factor.shift as i32),
            inout("lr") blocks => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            out("q4") _,
            options(nostack),
        );
    }
}

pub fn pack_values(rows: &[i8], first: usize, depth: usize, out: &mut [i8], sums: &mut [i32]) {
    let width = sums.len();
    let count = rows.len().checked_div(width).unwrap_or_default();
    let fits = width.is_multiple_of(BLOCK)
        && depth.is_multiple_of(BLOCK)
        && first.saturating_add(count) <= depth
        && out.len() >= width.saturating_mul(depth);
    if !fits {
        return scalar::pack_values(rows, first, depth, out, sums);
    }
    // Rows up to the next block of columns, and 16 channels, at a time.
    let mut row = 0;
    while row < count {
        let column = first + row;
        let run = (count - row).min(BLOCK - column % BLOCK);
        for (block, sums) in sums.as_chunks_mut().0.iter_mut().enumerate() {
            let start = (block * depth + column / BLOCK * BLOCK) * BLOCK;
            let out = &mut out[start..start + BLOCK * BLOCK];
            let values = &rows[row * width + block * BLOCK..];
            pack_block(values, width, run, &mut out[column % BLOCK..], sums);
        }
        row += run;
    }
}

/// Packs 16 channels of `count` rows, `width` apart, as columns of a block.
fn pack_block(values: &[i8], width: usize, count: usize, out: &mut [i8], sums: &mut [i32; BLOCK]) {
    assert!(count > 0 && values.len() >= (count - 1) * width + BLOCK);
    assert!(out.len() >= (BLOCK - 1) * BLOCK + count);
    // SAFETY: each of the rounds reads 16 elements of a row and writes one column of `out`,
    // elements that lie 16 apart; `sums` has 16.
    unsafe {
        asm!(
            "mov lr, #0",
            "vidup.u8 q1, lr, #8",
            "vadd.i8 q1, q1, q1",
            "vldrw.u32 q4, [{sums}]",
            "vldrw.u32 q5, [{sums}, #16]",
            "vldrw.u32 q6, [{sums}, #32]",
            "vldrw.u32 q7, [{sums}, #48]",
            "dls lr, {count}",
            "2:",
            "vldrb.u8 q0, [r1]",
            "vldrb.s32 q2, [r1]",
            "vldrb.s32 q3, [r1, #4]",
            "vadd.i32 q4, q4, q2",
            "vldrb.s32 q2, [r1, #8]",
            "vadd.i32 q5, q5, q3",
            "vldrb.s32 q3, [r1, #12]",
            "vadd.i32 q6, q6, q2",
            "vstrb.8 q0, [{out}, q1]",
            "vadd.i32 q7, q7, q3",
            "add r1, r1, {width}",
            "add {out}, {out}, #1",
            "le lr, 2b",
            "vstrw.32 q4, [{sums}]",
            "vstrw.32 q5, [{sums}, #16]",
            "vstrw.32 q6, [{sums}, #32]",
            "vstrw.32 q7, [{sums}, #48]",
            inout("r1") values.as_ptr() => _,
            width = in(reg) width,
            out = inout(reg) out.as_mut_ptr() => _,
            sums = in(reg) sums.as_mut_ptr(),
            count = in(reg) count,
            out("lr") _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
            out("q4") _,
            out("q5") _,
            out("q6") _,
            out("q7") _,
            options(nostack),
        );
    }
}
