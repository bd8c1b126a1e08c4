//! Products: the inputs of two rows share a word, so that one `MULS` multiplies both by a weight.
//!
//! `x + y * 2^16` times `w` is `x w + y w * 2^16`. Two such products, of neighbouring channels, may
//! be added: the sum's parts lie within -32512..=32768, 65281 numbers, and with the bias of
//! [`Panel`] added each fills its half of the word and no more. Then the upper half is cut off and
//! added up by itself, and so is the whole word; what the lower halves are together is what the
//! one sum, shifted, leaves of the other. That is 7 instructions for 4 multiply-accumulates, beside those that load.

use crate::blob::Matrix;
use crate::kernels::portable;
use crate::kernels::scalar::BLOCK_BYTES;
use crate::shape::BLOCK;
use core::arch::asm;

/// Rows computed together: two words of two each.
const ROWS: usize = 4;
const PAIRS: usize = ROWS / 2;
/// Input channels paired at a time: 1 KB of stack.
const CHUNK: usize = 128;

/// What is added to the halves of two products' sum, to bring each to 0..=65535.
const BIAS: [i32; 2] = [32767, 32512];

/// A chunk of four rows, channel by channel.
type Paired = [[i32; PAIRS]; CHUNK];

/// Dot products of all rows of `a` with columns `first..first + width` of `b`.
pub fn product(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) {
    let depth = b.depth.max(1);
    let weights = b.data.get(first * b.depth..).unwrap_or_default();
    if !weights.as_ptr().cast::<u32>().is_aligned() || !depth.is_multiple_of(BLOCK) {
        return portable::product(a, b, first, out, width);
    }
    let mut paired = [[0; PAIRS]; CHUNK];
    let tiles = a.chunks(ROWS * depth);
    for (rows, out) in tiles.zip(out.chunks_mut(ROWS * width.max(1))) {
        // There may be room for more rows than there are.
        let whole = (rows.len() / depth * width).min(out.len());
        let out = &mut out[..whole];
        out.fill(0);
        for chunk in (0..depth).step_by(CHUNK) {
            let channels = CHUNK.min(depth - chunk);
            pair(rows, depth, chunk, &mut paired[..channels]);
            let block_columns = weights.chunks_exact(BLOCK * depth).take(width / BLOCK);
            for (index, block_column) in block_columns.enumerate() {
                let blocks = &block_column[chunk * BLOCK..(chunk + channels) * BLOCK];
                let sums = dots(&paired, blocks);
                for (row, out) in out.chunks_exact_mut(width).enumerate() {
                    let out = &mut out[index * BLOCK..(index + 1) * BLOCK];
                    for (out, sums) in out.iter_mut().zip(&sums) {
                        *out = out.wrapping_add(sums[row]);
                    }
                }
            }
        }
    }
}

/// Rows that are not there are zeros.
fn pair(rows: &[i8], depth: usize, first: usize, out: &mut [[i32; PAIRS]]) {
    let row = |index: usize| {
        let row = rows.chunks_exact(depth).nth(index);
        row.map_or(&[0; CHUNK][..], |row| &row[first..])
    };
    for pair in 0..PAIRS {
        let channels = row(2 * pair).iter().zip(row(2 * pair + 1));
        for (out, (&x, &y)) in out.iter_mut().zip(channels) {
            out[pair] = x as i32 + ((y as i32) << 16);
        }
    }
}

/// What the loop over columns needs.
#[repr(C)]
struct Panel {
    weights: *const i8,
    inputs: *const i32,
    sums: *mut i32,
    columns: usize,
    inputs_end: *const i32,
    bias: i32,
    /// What the biases of all sums come to, of words and of upper halves, negated.
    start: [i32; 2],
}

/// Dot products of four rows with the 16 columns of consecutive blocks.
#[inline(never)]
fn dots(inputs: &Paired, blocks: &[i8]) -> [[i32; ROWS]; BLOCK] {
    let channels = blocks.len() / BLOCK_BYTES * BLOCK;
    assert!(channels > 0 && channels <= CHUNK);
    assert!(blocks.as_ptr().cast::<u32>().is_aligned());
    let mut sums = [[0; ROWS]; BLOCK];
    let inputs = inputs.as_flattened();
    let bias = BIAS[0] + (BIAS[1] << 16);
    let words = -(channels as i32 / 2);
    let mut panel = Panel {
        weights: blocks.as_ptr(),
        inputs: inputs.as_ptr(),
        sums: sums.as_mut_ptr().cast(),
        columns: BLOCK,
        inputs_end: inputs.as_ptr().wrapping_add(channels * PAIRS),
        bias,
        start: [bias.wrapping_mul(words), BIAS[1] * words],
    };
    // SAFETY: for each of 16 columns, 16 bytes apart in each block, the loop runs until it has read
    // the inputs of all channels of `blocks`, and there are as many; a round reads 32 words of them
    // and 4 aligned words of a block of 256 bytes, all of them in `blocks`. Each column writes 4
    // words of `sums`. r6 and r7 may not be operands; they are saved and restored. Flags and the
    // other registers written are declared.
    unsafe {
        asm!(
            "push {{r0, r6, r7}}",
            "ldr r1, [r0, #16]",
            "mov lr, r1",
            "ldr r1, [r0, #20]",
            "mov r12, r1",
            "2:",
            "ldr r1, [sp]",
            "ldr r0, [r1, #24]",
            "mov r8, r0",
            "mov r10, r0",
            "ldr r0, [r1, #28]",
            "mov r9, r0",
            "mov r11, r0",
            "ldr r3, [r1]",
            "ldr r0, [r1, #4]",
            "3:",
            ".irp word, 0, 4, 8, 12",
            "ldr r1, [r3, #\\word]",
            "ldm r0!, {{r4, r5, r6, r7}}",
            "sxtb r2, r1",
            "muls r4, r2, r4",
            "muls r5, r2, r5",
            "lsls r2, r1, #16",
            "asrs r2, r2, #24",
            "muls r6, r2, r6",
            "muls r7, r2, r7",
            "adds r4, r4, r6",
            "adds r5, r5, r7",
            "add r4, r12",
            "add r5, r12",
            "add r8, r4",
            "add r10, r5",
            "lsrs r4, r4, #16",
            "lsrs r5, r5, #16",
            "add r9, r4",
            "add r11, r5",
            "ldm r0!, {{r4, r5, r6, r7}}",
            "lsls r2, r1, #8",
            "asrs r2, r2, #24",
            "muls r4, r2, r4",
            "muls r5, r2, r5",
            "asrs r2, r1, #24",
            "muls r6, r2, r6",
            "muls r7, r2, r7",
            "adds r4, r4, r6",
            "adds r5, r5, r7",
            "add r4, r12",
            "add r5, r12",
            "add r8, r4",
            "add r10, r5",
            "lsrs r4, r4, #16",
            "lsrs r5, r5, #16",
            "add r9, r4",
            "add r11, r5",
            ".endr",
            "adds r3, #255",
            "adds r3, #1",
            "cmp r0, lr",
            // Further back than a condition reaches.
            "beq 4f",
            "b 3b",
            "4:",
            "ldr r1, [sp]",
            "ldr r0, [r1, #8]",
            "mov r4, r8",
            "mov r5, r9",
            "mov r6, r10",
            "mov r7, r11",
            "lsls r2, r5, #16",
            "subs r4, r4, r2",
            "lsls r2, r7, #16",
            "subs r6, r6, r2",
            "stm r0!, {{r4, r5, r6, r7}}",
            "str r0, [r1, #8]",
            "ldr r0, [r1]",
            "adds r0, #16",
            "str r0, [r1]",
            "ldr r0, [r1, #12]",
            "subs r0, #1",
            "str r0, [r1, #12]",
            "beq 5f",
            "b 2b",
            "5:",
            "pop {{r0, r6, r7}}",
            inout("r0") &mut panel => _,
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
            out("lr") _,
        );
    }
    sums
}
