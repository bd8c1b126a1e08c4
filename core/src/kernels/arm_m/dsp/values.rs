//! Rows of values: packed as columns of a matrix, and scaled.

use crate::kernels::scalar;
use crate::shape::BLOCK;
use core::arch::asm;

/// Bytes of a 16 x 16 block.
const BLOCK_BYTES: usize = BLOCK * BLOCK;
/// Numbers scaled together.
const LANES: usize = 4;

/// Block by block, so that bounds are checked once for 16 channels.
pub fn pack_values(rows: &[i8], first: usize, depth: usize, out: &mut [i8], sums: &mut [i32]) {
    if !sums.len().is_multiple_of(BLOCK) {
        return scalar::pack_values(rows, first, depth, out, sums);
    }
    for (index, row) in rows.chunks_exact(sums.len().max(1)).enumerate() {
        let column = first + index;
        let place = column / BLOCK * BLOCK_BYTES + column % BLOCK;
        let blocks = row.chunks_exact(BLOCK).zip(sums.chunks_exact_mut(BLOCK));
        for (block, (values, sums)) in blocks.enumerate() {
            let start = block * (depth / BLOCK) * BLOCK_BYTES + place;
            let Some(out) = out.get_mut(start..start + BLOCK_BYTES - BLOCK + 1) else {
                return;
            };
            for i in 0..BLOCK {
                out[i * BLOCK] = values[i];
                sums[i] = sums[i].wrapping_add(values[i] as i32);
            }
        }
    }
}

pub fn scale_down(row: &[i8], ratio: i16, out: &mut [i8]) {
    let rounds = row.len().min(out.len()) / LANES;
    let (row, row_left) = row.split_at(rounds * LANES);
    let (out, out_left) = out.split_at_mut(rounds * LANES);
    scalar::scale_down(row_left, ratio, out_left);
    if rounds == 0 {
        return;
    }
    // SAFETY: each of the rounds reads 4 bytes and writes 4.
    unsafe {
        asm!(
            "2:",
            "ldr r8, [r0], #4",
            "sxtb16 r9, r8, ror #8",
            "sxtb16 r8, r8",
            "smlatb r10, r8, r3, r4",
            "smlabb r8, r8, r3, r4",
            "smlatb r11, r9, r3, r4",
            "smlabb r9, r9, r3, r4",
            ".irp v, r8, r9, r10, r11",
            "asr \\v, \\v, #15",
            ".endr",
            "bfi r8, r9, #8, #8",
            "bfi r8, r10, #16, #8",
            "bfi r8, r11, #24, #8",
            "str r8, [r1], #4",
            "subs r2, r2, #1",
            "bne 2b",
            inout("r0") row.as_ptr() => _,
            inout("r1") out.as_mut_ptr() => _,
            inout("r2") rounds => _,
            in("r3") ratio as i32,
            in("r4") 1 << 14,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            options(nostack),
        );
    }
}
