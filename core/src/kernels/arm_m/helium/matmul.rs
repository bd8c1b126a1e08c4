//! Matrix products: `VMLADAVA.S8` multiplies 16 pairs of bytes and adds all products to a
//! general-purpose register.
//!
//! Four rows by two columns: 6 loads for 8 multiplications, 14 instructions for 128
//! multiply-accumulates. The eight sums are the eight even registers, which is where the
//! instruction wants them; pointers and the counter take the odd ones. What follows the product
//! has a row in each lane: a row's factors are vectors, a column's are scalars.

use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use crate::kernels::{Activations, RowScale};
use crate::shape::BLOCK;
use core::arch::asm;
use core::ptr;

/// Rows computed together: the lanes of a vector.
const ROWS: usize = 4;
/// Steps of 16 channels in one round of the innermost loop, and the size of their code.
const STEPS: usize = 8;
const STEP_BYTES: usize = 14 * 4;

/// Dot products of four rows with the columns of a block.
type Sums = [[i32; ROWS]; BLOCK];

pub fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    let Some(product) = Product::new(a, b, 0, out, out_width) else {
        return scalar::matmul(a, b, out, out_width);
    };
    for tile in product.tiles() {
        let mut places = tile.places(out, out_width);
        product.compute(&tile, |_, sums| store(sums, &mut places));
    }
}

pub fn linear(
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    let channels = first..first.saturating_add(out_width);
    let (Some(product), Some(multipliers), Some(column_sums), Some(biases)) = (
        Product::new(input.values, &layer.weights, first, out, out_width)
            .filter(|product| input.rows.len() >= product.rows),
        layer.multipliers.get(channels.clone()),
        layer.column_sums.get(channels.clone()),
        layer.biases.get(channels),
    ) else {
        return scalar::linear(input, layer, first, out, out_width);
    };
    let shift = accumulator_shift(layer.weights.depth);
    for tile in product.tiles() {
        let mut rows = Rows {
            places: tile.places(out, out_width),
            ..Rows::default()
        };
        for (lane, &row) in tile.rows.iter().enumerate() {
            let RowScale { scale, zero_point } = input.rows[row];
            let factor = row_factor(scale, layer);
            rows.minus_zero_points[lane] = zero_point.wrapping_neg();
            rows.multipliers[lane] = factor.multiplier;
            rows.left_shifts[lane] = -(factor.shift as i32);
        }
        product.compute(&tile, |column, sums| {
            let columns = Columns {
                multipliers: &multipliers[column..column + BLOCK],
                column_sums: &column_sums[column..column + BLOCK],
                biases: &biases[column..column + BLOCK],
                shift,
            };
            requantize(sums, &mut rows, &columns);
        });
    }
}

/// A product whose operands are as long as their sizes say.
struct Product<'a> {
    a: &'a [i8],
    weights: &'a [i8],
    depth: usize,
    rows: usize,
}

/// Four rows; those that are not there repeat the last one, and give the same sums to the same
/// place.
struct Tile {
    rows: [usize; ROWS],
}

impl<'a> Product<'a> {
    /// All rows of `a` with columns `first..first + width` of `b`; `None` where the slices are
    /// not as long as that needs, or weights do not lie on words.
    fn new(
        a: &'a [i8],
        b: &Matrix<'a>,
        first: usize,
        out: &[i32],
        width: usize,
    ) -> Option<Self> {
        let depth = b.depth;
        let rows = a.len().checked_div(depth)?;
        let start = first.saturating_mul(depth);
        let weights = b
            .data
            .get(start..start.saturating_add(width.saturating_mul(depth)))?;
        let fits = [first, depth, width].iter().all(|n| n.is_multiple_of(BLOCK))
            && out.len() >= rows.saturating_mul(width)
            && weights.as_ptr().addr().is_multiple_of(align_of::<u32>());
        fits.then_some(Product {
            a,
            weights,
            depth,
            rows,
        })
    }

    fn tiles(&self) -> impl Iterator<Item = Tile> + use<> {
        let last = self.rows.saturating_sub(1);
        (0..self.rows).step_by(ROWS).map(move |row| Tile {
            rows: [0, 1, 2, 3].map(|i| last.min(row + i)),
        })
    }

    /// Calls `each(column, sums)` for every block of columns.
    fn compute(&self, tile: &Tile, mut each: impl FnMut(usize, &Sums)) {
        let rows = tile.rows.map(|row| &self.a[row * self.depth..][..self.depth]);
        let mut sums = [[0; ROWS]; BLOCK];
        let blocks = self.weights.chunks_exact(BLOCK * self.depth);
        for (index, block_column) in blocks.enumerate() {
            dot(rows, block_column, &mut sums);
            each(index * BLOCK, &sums);
        }
    }
}

impl Tile {
    /// Where the rows of the result begin, less a word.
    fn places(&self, out: &mut [i32], width: usize) -> [usize; ROWS] {
        let start = out.as_mut_ptr().wrapping_sub(1);
        self.rows.map(|row| start.wrapping_add(row * width).expose_provenance())
    }
}

/// Dot products of four rows with the 16 columns of a block column.
fn dot(rows: [&[i8]; ROWS], block_column: &[i8], sums: &mut Sums) {
    let steps = block_column.len() / (BLOCK * BLOCK);
    assert!(steps > 0 && rows.iter().all(|row| row.len() >= steps * BLOCK));
    // The first round may be a short one: it is entered so many steps before its end.
    let rounds = steps.div_ceil(STEPS);
    let entry = (steps - (rounds - 1) * STEPS) * STEP_BYTES;
    // SAFETY: a step reads 16 bytes of each row, which has 16 for each step, and 32 bytes of one
    // block of 256 of `block_column` from the columns' place in it; places are 32 bytes apart and
    // end with the block. Eight sums are written for each of the 8 pairs of columns, 64 in all.
    // r6 and r7 may not be operands; they are saved and restored. All other registers are
    // declared, and the stack pointer ends where it was.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "mov r7, r2",
            "push {{r8, r10}}",
            // What a pair of columns begins with, registers in their order: sums of zero, rows,
            // weights, rounds and the way into the loop.
            "adr lr, 4f",
            "sub lr, lr, r4",
            "add lr, lr, #1",
            ".irp even, r0, r2, r4, r6, r8, r10, r12",
            "mov \\even, #0",
            ".endr",
            "push {{r0-r12, lr}}",
            "2:",
            "mov lr, #0",
            "ldm sp, {{r0-r12, pc}}",
            "3:",
            // Loads run beside multiplications.
            ".rept {steps}",
            "vldrw.u32 q0, [r9], #256",
            "vldrb.u8 q2, [r1], #16",
            "vmladava.s8 r0, q2, q0",
            "vldrw.u32 q1, [r9, #-240]",
            "vmladava.s8 r8, q2, q1",
            "vldrb.u8 q3, [r3], #16",
            "vmladava.s8 r2, q3, q0",
            "vldrb.u8 q2, [r5], #16",
            "vmladava.s8 r10, q3, q1",
            "vldrb.u8 q3, [r7], #16",
            "vmladava.s8 r4, q2, q0",
            "vmladava.s8 r12, q2, q1",
            "vmladava.s8 r6, q3, q0",
            "vmladava.s8 lr, q3, q1",
            ".endr",
            "4:",
            "subs r11, r11, #1",
            "bne 3b",
            // On to the next two columns.
            "ldrd r1, r3, [sp, #56]",
            "ldr r5, [sp, #36]",
            "stm r1!, {{r0, r2, r4, r6, r8, r10, r12, lr}}",
            "add r5, r5, #32",
            "str r5, [sp, #36]",
            "str r1, [sp, #56]",
            "cmp r1, r3",
            "bne 2b",
            "add sp, sp, #64",
            "pop {{r6, r7}}",
            steps = const STEPS,
            inout("r1") rows[0].as_ptr() => _,
            inout("r3") rows[1].as_ptr() => _,
            inout("r5") rows[2].as_ptr() => _,
            inout("r2") rows[3].as_ptr() => _,
            inout("r9") block_column.as_ptr() => _,
            inout("r11") rounds => _,
            inout("r4") entry => _,
            inout("r8") sums.as_mut_ptr_range().start => _,
            inout("r10") sums.as_mut_ptr_range().end => _,
            out("r0") _,
            out("r12") _,
            out("lr") _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
        );
    }
}

/// What four rows bring to requantization.
#[derive(Default)]
#[repr(C)]
struct Rows {
    /// Where the next column goes, less a word.
    places: [usize; ROWS],
    minus_zero_points: [i32; ROWS],
    multipliers: [i32; ROWS],
    left_shifts: [i32; ROWS],
}

/// What 16 columns bring to it.
struct Columns<'a> {
    multipliers: &'a [i32],
    column_sums: &'a [i32],
    biases: &'a [i32],
    shift: u32,
}

/// [`scalar::linear`]'s requantization of four rows by 16 columns.
fn requantize(sums: &Sums, rows: &mut Rows, columns: &Columns<'_>) {
    let Columns {
        multipliers,
        column_sums,
        biases,
        shift,
    } = *columns;
    assert!([multipliers, column_sums, biases].iter().all(|c| c.len() >= BLOCK));
    // SAFETY: each of the 8 rounds reads two of the 16 sums of each row, two of the 16 elements
    // of each of the columns' slices, and writes two elements of each row of the result: the
    // places of a tile are those of its rows, whose length is checked in `Product::new`. They
    // are advanced by a block, which is as often as there are blocks in a row.
    unsafe {
        asm!(
            "vldrw.u32 q4, [{rows}]",
            "vldrw.u32 q5, [{rows}, #16]",
            "vldrw.u32 q6, [{rows}, #32]",
            "vldrw.u32 q7, [{rows}, #48]",
            "dls lr, {pairs}",
            "2:",
            "vldrw.u32 q0, [{sums}], #16",
            "ldrd {left}, {right}, [{column_sums}], #8",
            "vmla.s32 q0, q5, {left}",
            "vldrw.u32 q1, [{sums}], #16",
            "vmla.s32 q1, q5, {right}",
            "vshl.s32 q0, {shift}",
            "ldrd {left}, {right}, [{multipliers}], #8",
            "vqdmulh.s32 q0, q0, {left}",
            "vshl.s32 q1, {shift}",
            "vqdmulh.s32 q1, q1, {right}",
            "ldrd {left}, {right}, [{biases}], #8",
            "vqdmulh.s32 q0, q0, q6",
            "vrshl.s32 q0, q0, q7",
            "vqdmulh.s32 q1, q1, q6",
            "vadd.i32 q0, q0, {left}",
            "vrshl.s32 q1, q1, q7",
            "vstrw.32 q0, [q4, #4]!",
            "vadd.i32 q1, q1, {right}",
            "vstrw.32 q1, [q4, #4]!",
            "le lr, 2b",
            "vstrw.32 q4, [{rows}]",
            rows = in(reg) ptr::from_mut(rows),
            sums = inout(reg) sums.as_ptr() => _,
            column_sums = inout(reg) column_sums.as_ptr() => _,
            multipliers = inout(reg) multipliers.as_ptr() => _,
            biases = inout(reg) biases.as_ptr() => _,
            shift = in(reg) shift,
            pairs = in(reg) BLOCK / 2,
            left = out(reg) _,
            right = out(reg) _,
            out("lr") _,
            out("q0") _,
            out("q1") _,
            out("q4") _,
            out("q5") _,
            out("q6") _,
            out("q7") _,
            options(nostack),
        );
    }
}

/// Writes the sums of four rows by 16 columns, and advances the places by as many.
fn store(sums: &Sums, places: &mut [usize; ROWS]) {
    // SAFETY: each of the 4 rounds reads four of the 16 sums of each row and writes them to the
    // rows of the result, as in `requantize`.
    unsafe {
        asm!(
            "vldrw.u32 q2, [{places}]",
            "dls lr, {rounds}",
            "2:",
            ".rept 2",
            "vldrw.u32 q0, [{sums}], #16",
            "vldrw.u32 q1, [{sums}], #16",
            "vstrw.32 q0, [q2, #4]!",
            "vstrw.32 q1, [q2, #4]!",
            ".endr",
            "le lr, 2b",
            "vstrw.32 q2, [{places}]",
            places = in(reg) ptr::from_mut(places),
            sums = inout(reg) sums.as_ptr() => _,
            rounds = in(reg) BLOCK / 4,
            out("lr") _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            options(nostack),
        );
    }
}
