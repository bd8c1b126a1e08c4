//! Matrix products: `SMLAD` multiplies two pairs of 16-bit numbers and adds both products.
//!
//! Inputs are widened to 16 bits once per four rows, weights on the fly by `SXTB16`, which takes
//! bytes 0 and 2 of a word, or 1 and 3 of it rotated. Four rows share a widened weight: 50
//! instructions for 64 multiply-accumulates. Sums start, grow and are requantized in registers.

use crate::blob::{Linear, Matrix};
use crate::fixed::FixedMultiplier;
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use crate::kernels::{Activations, RowScale};
use crate::shape::BLOCK;
use core::arch::asm;
use core::mem::{MaybeUninit, offset_of};
use core::ops::Range;

/// Rows computed together.
const ROWS: usize = 4;
/// Input channels widened at a time: 1 KiB of stack.
const CHUNK: usize = 128;

/// A chunk of four rows in 16 bits: for each four channels the pairs (0, 2) of each row, then
/// the pairs (1, 3).
type Widened = [u32; ROWS * CHUNK / 2];

/// What four rows meet: columns of a chunk of depth. Laid out for [`multiply`].
#[repr(C)]
struct Panel {
    /// The first column's weights, less 16 bytes for each column before it.
    weights: *const i8,
    /// The byte offset of a column in constants and results.
    column: usize,
    inputs: *const u32,
    /// Blocks of 16 channels, less one.
    steps: usize,
    /// Where sums start: the addresses of results so far, or zero points, negated.
    start: [usize; ROWS],
    column_sums: *const i32,
    multipliers: *const i32,
    biases: *const i32,
    shift: u32,
    rows: [Row; ROWS],
    /// Bytes from one block of columns to the next, less a block.
    skip: usize,
    /// Where columns end.
    end: usize,
}

/// A row's requantization and its results.
#[derive(Clone, Copy)]
#[repr(C)]
struct Row {
    /// Doubled: `SMMUL` does not double its product.
    multiplier: i32,
    rounding: i32,
    shift: u32,
    out: *mut i32,
}

/// How results come out of sums.
struct Requantization<'a> {
    layer: &'a Linear<'a>,
    rows: &'a [RowScale],
}

pub fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    if !product(a, b, 0, out, out_width, None) {
        scalar::matmul(a, b, out, out_width);
    }
}

pub fn linear(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    let requantization = Requantization {
        layer,
        rows: input.rows,
    };
    let weights = &layer.weights;
    if !product(
        input.values,
        weights,
        first,
        out,
        out_width,
        Some(requantization),
    ) {
        scalar::linear(input, layer, first, out, out_width);
    }
}

/// All rows of `a` times columns `first..first + width` of `b`; false where slices are shorter
/// than that needs, or the weights not aligned to words.
fn product(
    a: &[i8],
    b: &Matrix<'_>,
    first: usize,
    out: &mut [i32],
    width: usize,
    requantization: Option<Requantization<'_>>,
) -> bool {
    let depth = b.depth;
    let sizes = [depth, first, width];
    if depth == 0 || !sizes.iter().all(|size| size.is_multiple_of(BLOCK)) {
        return false;
    }
    let rows = a.len() / depth;
    let channels = first..first.saturating_add(width);
    let bytes = first.saturating_mul(depth)..channels.end.saturating_mul(depth);
    let Some(weights) = b.data.get(bytes) else {
        return false;
    };
    let aligned = weights.as_ptr().cast::<u32>().is_aligned();
    if !aligned || out.len() < rows.saturating_mul(width) {
        return false;
    }
    let constants = match &requantization {
        Some(Requantization { rows: scales, .. }) if scales.len() < rows => None,
        Some(Requantization { layer, .. }) => constants(layer, channels),
        // Zero points of zero, times any numbers: the weights are long enough for them.
        None => Some([weights.as_ptr().cast(); 3]),
    };
    let Some([column_sums, multipliers, biases]) = constants else {
        return false;
    };
    if weights.is_empty() {
        return true;
    }

    let results = out.as_mut_ptr();
    let mut widened = MaybeUninit::uninit();
    for row in (0..rows).step_by(ROWS) {
        // Rows that are not there repeat the last one.
        let tile = [0, 1, 2, 3].map(|i: usize| (row + i).min(rows - 1));
        let results = tile.map(|row| results.wrapping_add(row * width));
        let (mut zeros, mut finish) = ([0; ROWS], results.map(Row::new));
        if let Some(Requantization { layer, rows }) = &requantization {
            for (i, row) in tile.into_iter().enumerate() {
                zeros[i] = rows[row].zero_point.wrapping_neg() as usize;
                finish[i].set_factor(row_factor(rows[row].scale, layer));
            }
        }
        for chunk in (0..depth).step_by(CHUNK) {
            let channels = CHUNK.min(depth - chunk);
            let inputs = tile.map(|row| &a[row * depth + chunk..row * depth + chunk + channels]);
            widen(inputs, &mut widened);
            let (is_first, is_last) = (chunk == 0, chunk + channels == depth);
            let start = if is_first {
                zeros
            } else {
                results.map(|out| out as usize)
            };
            let mut panel = Panel {
                weights: weights[chunk * BLOCK..].as_ptr(),
                column: 0,
                inputs: widened.as_ptr().cast(),
                steps: channels / BLOCK - 1,
                start,
                column_sums,
                multipliers,
                biases,
                shift: accumulator_shift(depth),
                rows: finish,
                skip: (depth - BLOCK) * BLOCK,
                end: width * size_of::<i32>(),
            };
            // SAFETY: `inputs` are `channels` channels of four rows, and the weights as many of
            // each of `width` columns in blocks of `depth` channels. Constants have `width`
            // elements, as have results from each of their addresses: `out` has all rows.
            unsafe {
                match (is_first, is_last && requantization.is_some()) {
                    (true, false) => multiply::<true, false>(&mut panel),
                    (true, true) => multiply::<true, true>(&mut panel),
                    (false, false) => multiply::<false, false>(&mut panel),
                    (false, true) => multiply::<false, true>(&mut panel),
                }
            }
        }
    }
    true
}

/// Column sums, multipliers and biases of those channels.
fn constants(layer: &Linear<'_>, channels: Range<usize>) -> Option<[*const i32; 3]> {
    let sums = layer.column_sums.get(channels.clone())?;
    let multipliers = layer.multipliers.get(channels.clone())?;
    let biases = layer.biases.get(channels)?;
    Some([sums.as_ptr(), multipliers.as_ptr(), biases.as_ptr()])
}

impl Row {
    fn new(out: *mut i32) -> Self {
        Row {
            multiplier: 0,
            rounding: 0,
            shift: 0,
            out,
        }
    }

    fn set_factor(&mut self, factor: FixedMultiplier) {
        self.multiplier = factor.multiplier << 1;
        self.rounding = ((1u32 << factor.shift) >> 1) as i32;
        self.shift = factor.shift;
    }
}

/// Widens a chunk of four rows of whole blocks.
fn widen(rows: [&[i8]; ROWS], out: &mut MaybeUninit<Widened>) {
    let channels = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == channels) && (BLOCK..=CHUNK).contains(&channels));
    // SAFETY: each round reads 4 channels of each row and writes 8 words, of which `out` has as
    // many as a chunk needs. r6 and r7 may not be operands; they are saved and restored. Flags and
    // the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "2:",
            "ldr r8, [r0], #4",
            "ldr r9, [r1], #4",
            "ldr r10, [r2], #4",
            "ldr r11, [r3], #4",
            "sxtb16 r6, r8",
            "sxtb16 r7, r9",
            "sxtb16 r12, r10",
            "sxtb16 lr, r11",
            "stm r4!, {{r6, r7, r12, lr}}",
            ".irp word, r8, r9, r10, r11",
            "sxtb16 \\word, \\word, ror #8",
            ".endr",
            "stm r4!, {{r8, r9, r10, r11}}",
            "subs r5, r5, #1",
            "bne 2b",
            "pop {{r6, r7}}",
            inout("r0") rows[0].as_ptr() => _,
            inout("r1") rows[1].as_ptr() => _,
            inout("r2") rows[2].as_ptr() => _,
            inout("r3") rows[3].as_ptr() => _,
            inout("r4") out.as_mut_ptr() => _,
            inout("r5") channels / 4 => _,
            out("r8") _,
            out("r9") _,
            out("r10") _,
            out("r11") _,
            out("r12") _,
            out("lr") _,
        );
    }
}

/// Four rows times all columns of a panel. Sums start at `start` times the columns' sums where
/// this is the `FIRST` chunk of the depth, at the results so far where it is not; they are
/// requantized or stored as they are.
///
/// # Safety
/// `inputs` and `weights` must be as long as steps and columns need, the weights aligned to
/// words, and constants and results reach to `end`.
#[inline(never)]
unsafe fn multiply<const FIRST: bool, const REQUANTIZE: bool>(panel: &mut Panel) {
    // SAFETY: reads and writes what the caller vouches for: a step reads 16 weights of a column
    // and 32 words of inputs, a column one element of each constant. r6 and r7 may not be
    // operands; they are saved and restored. Flags and the other registers written are declared.
    unsafe {
        asm!(
            "push {{r6, r7, lr}}",
            "2:", // a column: from weights, column, inputs, steps and start
            "ldm lr!, {{r0-r7}}",
            "add r0, r0, r1, lsl #2",
            ".if {first}",
            "ldr r12, [lr]",
            "ldr r12, [r12, r1]",
            "mul r8, r4, r12",
            "mul r9, r5, r12",
            "mul r10, r6, r12",
            "mul r11, r7, r12",
            ".else",
            "ldr r8, [r4, r1]",
            "ldr r9, [r5, r1]",
            "ldr r10, [r6, r1]",
            "ldr r11, [r7, r1]",
            ".endif",
            // Two steps a round; an odd number of them begins in the middle.
            "lsrs r3, r3, #1",
            "bcc 4f",
            "3:",
            ".irp step, 0, 1",
            ".if \\step",
            "4:",
            ".endif",
            // Eight channels; after the second eight, on to the next block.
            ".irp next, 8, 248",
            "ldrd r4, r5, [r0], #\\next",
            ".irp word, r4, r5",
            "sxtb16 r1, \\word",
            "ldm r2!, {{r6, r7, r12, lr}}",
            "smlad r8, r6, r1, r8",
            "smlad r9, r7, r1, r9",
            "smlad r10, r12, r1, r10",
            "smlad r11, lr, r1, r11",
            "sxtb16 \\word, \\word, ror #8",
            "ldm r2!, {{r6, r7, r12, lr}}",
            "smlad r8, r6, \\word, r8",
            "smlad r9, r7, \\word, r9",
            "smlad r10, r12, \\word, r10",
            "smlad r11, lr, \\word, r11",
            ".endr",
            ".endr",
            ".endr",
            "subs r3, r3, #1",
            "bpl 3b",
            "ldr lr, [sp, #8]",
            "ldr r1, [lr, #{column}]",
            ".if {requantize}",
            "add r0, lr, #{multipliers}",
            "ldm r0!, {{r2, r3, r4}}", // multipliers, biases, shift
            "ldr r2, [r2, r1]",
            "lsl r2, r2, #1",
            "ldr r3, [r3, r1]",
            ".irp sum, r8, r9, r10, r11",
            "ldm r0!, {{r5, r6, r7, r12}}", // a row
            "lsl \\sum, \\sum, r4",
            "smmul \\sum, \\sum, r2",
            "smmla \\sum, \\sum, r5, r6",
            "asr \\sum, \\sum, r7",
            "add \\sum, \\sum, r3",
            "str \\sum, [r12, r1]",
            ".endr",
            ".else",
            "ldr r4, [lr, #{out}]",
            "ldr r5, [lr, #{out} + 16]",
            "ldr r6, [lr, #{out} + 32]",
            "ldr r7, [lr, #{out} + 48]",
            "str r8, [r4, r1]",
            "str r9, [r5, r1]",
            "str r10, [r6, r1]",
            "str r11, [r7, r1]",
            ".endif",
            "add r1, r1, #4",
            "str r1, [lr, #{column}]",
            "tst r1, #60",
            "bne 2b",
            // The next block of columns.
            "ldr r0, [lr]",
            "ldrd r2, r3, [lr, #{skip}]",
            "add r0, r0, r2",
            "str r0, [lr]",
            "cmp r1, r3",
            "bne 2b",
            "pop {{r6, r7, lr}}",
            first = const FIRST as u32,
            requantize = const REQUANTIZE as u32,
            column = const offset_of!(Panel, column),
            multipliers = const offset_of!(Panel, multipliers),
            out = const offset_of!(Panel, rows) + offset_of!(Row, out),
            skip = const offset_of!(Panel, skip),
            inout("lr") &raw mut *panel => _,
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
