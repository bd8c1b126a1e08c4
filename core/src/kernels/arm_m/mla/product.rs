//! Products: three rows by two columns, whose sums, inputs and pointers fill the registers.
//!
//! The inputs are widened to words once for all columns, so that `LDM` fetches three of them: 9
//! instructions for 6 multiply-accumulates.

use crate::blob::Matrix;
use crate::kernels::portable;
use crate::kernels::scalar::BLOCK_BYTES;
use crate::shape::BLOCK;
use core::arch::asm;

/// Rows computed together.
const ROWS: usize = 3;
/// Input channels widened at a time: 1536 bytes of stack.
const CHUNK: usize = 128;

/// A chunk of three rows, channel by channel: one pointer reaches them all.
type Widened = [[i32; ROWS]; CHUNK];

/// Dot products of all rows of `a` with columns `first..first + width` of `b`.
pub fn product(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) {
    let depth = b.depth.max(1);
    let weights = b.data.get(first * b.depth..).unwrap_or_default();
    let tiles = a.chunks_exact(ROWS * depth);
    let rest = tiles.remainder();
    // There may be room for more rows than there are.
    let whole = (tiles.len() * ROWS * width).min(out.len());
    let (out, rest_out) = out.split_at_mut(whole);
    let mut widened = [[0; ROWS]; CHUNK];
    for (rows, out) in tiles.zip(out.chunks_exact_mut(ROWS * width.max(1))) {
        out.fill(0);
        for chunk in (0..depth).step_by(CHUNK) {
            let channels = CHUNK.min(depth - chunk);
            widen(rows, depth, chunk, &mut widened[..channels]);
            let block_columns = weights.chunks_exact(BLOCK * depth).take(width / BLOCK);
            for (index, block_column) in block_columns.enumerate() {
                let blocks = &block_column[chunk * BLOCK..(chunk + channels) * BLOCK];
                add_dots(&widened, blocks, out, width, index * BLOCK);
            }
        }
    }
    // The rows that are left, one or two.
    portable::product(rest, b, first, rest_out, width);
}

fn widen(rows: &[i8], depth: usize, first: usize, out: &mut [[i32; ROWS]]) {
    let row = |index: usize| rows[index * depth + first..][..out.len()].iter();
    let rows = row(0).zip(row(1)).zip(row(2));
    for (out, ((&a, &b), &c)) in out.iter_mut().zip(rows) {
        *out = [a as i32, b as i32, c as i32];
    }
}

/// What the loop over columns needs, in the order it takes it.
#[repr(C)]
struct Panel {
    weights: *const i8,
    inputs: *const i32,
    steps: usize,
    out: [*mut i32; ROWS],
    pairs: usize,
}

/// Adds the dot products of three rows with the 16 columns of consecutive blocks to the columns
/// from `at` on of three rows of `out`.
#[inline(never)]
fn add_dots(inputs: &Widened, blocks: &[i8], out: &mut [i32], width: usize, at: usize) {
    let steps = blocks.len() / BLOCK_BYTES;
    assert!(steps > 0 && steps * BLOCK <= CHUNK);
    assert!(at + BLOCK <= width && out.len() == ROWS * width);
    let out = out.as_mut_ptr();
    let mut panel = Panel {
        weights: blocks.as_ptr(),
        inputs: inputs.as_ptr().cast(),
        steps,
        out: [0, 1, 2].map(|row| out.wrapping_add(row * width + at)),
        pairs: BLOCK / 2,
    };
    // SAFETY: for each of 8 pairs of columns, 32 bytes apart in each block, the loop runs `steps`
    // times over 32 bytes of a block of 256, all of them in `blocks`, and over 48 words of
    // `inputs`, which has as many for each of at most 8 steps. Two numbers of each row of `out` are
    // read and written, 16 in all from `at` on, where each row has as many. r6 and r7 may not be
    // operands; they are saved and restored. Flags and the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            "ldrd r6, r7, [lr, #12]",
            "ldr r8, [lr, #20]",
            "ldrd r0, r1, [r6]",
            "ldrd r2, r3, [r7]",
            "ldrd r4, r5, [r8]",
            "ldm lr, {{r10, r11, r12}}",
            "3:",
            ".irp k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
            "ldm r11!, {{r6, r7, r8}}",
            "ldrsb r9, [r10, #\\k]",
            "mla r0, r6, r9, r0",
            "mla r2, r7, r9, r2",
            "mla r4, r8, r9, r4",
            "ldrsb r9, [r10, #16 + \\k]",
            "mla r1, r6, r9, r1",
            "mla r3, r7, r9, r3",
            "mla r5, r8, r9, r5",
            ".endr",
            "add r10, r10, #256",
            "subs r12, r12, #1",
            "bne 3b",
            "add r12, lr, #12",
            "ldm r12, {{r6, r7, r8, r9}}",
            "strd r0, r1, [r6], #8",
            "strd r2, r3, [r7], #8",
            "strd r4, r5, [r8], #8",
            "subs r9, r9, #1",
            "stm r12, {{r6, r7, r8, r9}}",
            "ldr r10, [lr]",
            "add r10, r10, #32",
            "str r10, [lr]",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("lr") &mut panel => _,
            out("r0") _,
            out("r1") _,
            out("r2") _,
            out("r3") _,
            out("r4") _,
            out("r5") _,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            out("r12") _,
        );
    }
}
