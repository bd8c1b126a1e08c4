//! Products: two rows by four columns, whose sums, inputs and pointers fill the registers.
//!
//! The inputs are widened to words once for all columns, so that `LDM` fetches both of them: 13
//! instructions for 8 multiply-accumulates. Fewer would serve four rows by one column, but `LDM`
//! takes a Cortex-M3 a cycle for each word, and there are more of them.

use crate::blob::Matrix;
use crate::kernels::portable;
use crate::kernels::scalar::BLOCK_BYTES;
use crate::shape::BLOCK;
use core::arch::asm;

/// Rows and columns computed together.
const ROWS: usize = 2;
const COLUMNS: usize = 4;
/// Input channels widened at a time: 1 KB of stack.
const CHUNK: usize = 128;

/// A chunk of two rows, channel by channel.
type Widened = [[i32; ROWS]; CHUNK];

/// Dot products of all rows of `a` with columns `first..first + width` of `b`.
pub fn product(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) {
    let depth = b.depth.max(1);
    if !depth.is_multiple_of(BLOCK) {
        return portable::product(a, b, first, out, width);
    }
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
    // The row that is left.
    portable::product(rest, b, first, rest_out, width);
}

fn widen(rows: &[i8], depth: usize, first: usize, out: &mut [[i32; ROWS]]) {
    let channels = out.len();
    let row = |index: usize| rows[index * depth + first..][..channels].iter();
    for (out, (&a, &b)) in out.iter_mut().zip(row(0).zip(row(1))) {
        *out = [a as i32, b as i32];
    }
}

/// What the loop over columns needs, in the order it takes it.
#[repr(C)]
struct Panel {
    weights: *const i8,
    inputs: *const i32,
    steps: usize,
    out: [*mut i32; ROWS],
    rounds: usize,
}

/// Adds the dot products of two rows with the 16 columns of consecutive blocks to the columns from
/// `at` on of two rows of `out`.
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
        out: [0, 1].map(|row| out.wrapping_add(row * width + at)),
        rounds: BLOCK / COLUMNS,
    };
    // SAFETY: for each of 4 rounds, 64 bytes apart in each block, the loop runs `steps` times over
    // 64 bytes of a block of 256, all of them in `blocks`, and over 32 words of `inputs`, which has
    // as many for each of at most 8 steps. Four numbers of each row of `out` are read and written,
    // 16 in all from `at` on, where each row has as many. r6 and r7 may not be operands; they are
    // saved and restored. Flags and the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7, lr}}",
            "2:",
            "ldr lr, [sp, #8]",
            "ldrd r8, r9, [lr, #12]",
            "ldm r8, {{r0, r1, r2, r3}}",
            "ldm r9, {{r4, r5, r6, r7}}",
            "ldm lr, {{r11, r12, lr}}",
            "3:",
            ".irp k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15",
            "ldm r12!, {{r8, r9}}",
            "ldrsb r10, [r11, #\\k]",
            "mla r0, r8, r10, r0",
            "mla r4, r9, r10, r4",
            "ldrsb r10, [r11, #16 + \\k]",
            "mla r1, r8, r10, r1",
            "mla r5, r9, r10, r5",
            "ldrsb r10, [r11, #32 + \\k]",
            "mla r2, r8, r10, r2",
            "mla r6, r9, r10, r6",
            "ldrsb r10, [r11, #48 + \\k]",
            "mla r3, r8, r10, r3",
            "mla r7, r9, r10, r7",
            ".endr",
            "add r11, r11, #256",
            "subs lr, lr, #1",
            "bne 3b",
            "ldr lr, [sp, #8]",
            "ldrd r8, r9, [lr, #12]",
            "stm r8!, {{r0, r1, r2, r3}}",
            "stm r9!, {{r4, r5, r6, r7}}",
            "strd r8, r9, [lr, #12]",
            "ldr r10, [lr]",
            "add r10, r10, #64",
            "str r10, [lr]",
            "ldr r10, [lr, #20]",
            "subs r10, r10, #1",
            "str r10, [lr, #20]",
            "bne 2b",
            "pop {{r6, r7, lr}}",
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
