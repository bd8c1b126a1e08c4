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
use core::mem::MaybeUninit;
use core::{ptr, slice};

/// Rows computed together: the lanes of a vector.
const ROWS: usize = 4;
/// Columns between one pass over the sums and the next: 1 KiB of stack.
const COLUMNS: usize = 64;
/// Steps of 16 channels in one round of the innermost loop, and the size of their code.
const STEPS: usize = 8;
const STEP_BYTES: usize = 14 * 4;

/// Room for the dot products of four rows with a chunk of columns.
type Sums = [MaybeUninit<[i32; ROWS]>; COLUMNS];

pub fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    let Some(product) = Product::new(a, b, 0, out, out_width) else {
        return scalar::matmul(a, b, out, out_width);
    };
    let mut sums = [MaybeUninit::uninit(); COLUMNS];
    for row in (0..product.rows).step_by(ROWS) {
        let (inputs, mut places) = (product.inputs(row), product.places(row));
        for first in (0..out_width).step_by(COLUMNS) {
            let sums = product.dot(&inputs, first, &mut sums);
            // SAFETY: places are advanced by as many columns as a row of the product has.
            unsafe { store(sums, &mut places) };
        }
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
    let mut sums = [MaybeUninit::uninit(); COLUMNS];
    for row in (0..product.rows).step_by(ROWS) {
        let inputs = product.inputs(row);
        let scales = product.lanes(row).map(|row| input.rows[row]);
        let mut rows = Rows::new(product.places(row), scales, layer);
        for first in (0..out_width).step_by(COLUMNS) {
            let columns = Columns {
                multipliers: &multipliers[first..],
                column_sums: &column_sums[first..],
                biases: &biases[first..],
                shift: accumulator_shift(product.depth),
            };
            let sums = product.dot(&inputs, first, &mut sums);
            // SAFETY: places are advanced by as many columns as a row of the product has.
            unsafe { requantize(sums, &mut rows, &columns) };
        }
    }
}

/// A product whose operands are as long as their sizes say.
struct Product {
    a: *const i8,
    weights: *const i8,
    out: *mut i32,
    rows: usize,
    /// A multiple of 16 that is not zero, as is the width.
    depth: usize,
    width: usize,
}

impl Product {
    /// All rows of `a` with columns `first..first + width` of `b`. `None` where slices are too
    /// short, columns are not whole blocks, or weights do not lie on words.
    fn new(a: &[i8], b: &Matrix<'_>, first: usize, out: &mut [i32], width: usize) -> Option<Self> {
        let rows = a.len().checked_div(b.depth)?;
        let start = first.checked_mul(b.depth)?;
        let weights = b.data.get(start..)?.get(..width.checked_mul(b.depth)?)?;
        let fits = width > 0
            && (first | width | b.depth).is_multiple_of(BLOCK)
            && rows.checked_mul(width)? <= out.len()
            && weights.as_ptr().addr().is_multiple_of(align_of::<u32>());
        fits.then_some(Product {
            a: a.as_ptr(),
            weights: weights.as_ptr(),
            out: out.as_mut_ptr(),
            rows,
            depth: b.depth,
            width,
        })
    }

    /// Four rows from `first` on. Those that are not there repeat the last one, and give the same
    /// results to the same place.
    fn lanes(&self, first: usize) -> [usize; ROWS] {
        [0, 1, 2, 3].map(|i| (first + i).min(self.rows - 1))
    }

    /// Where four rows begin.
    fn inputs(&self, first: usize) -> [*const i8; ROWS] {
        self.lanes(first)
            .map(|row| self.a.wrapping_add(row * self.depth))
    }

    /// Where four rows of the result begin, less a word.
    fn places(&self, first: usize) -> Places {
        let start = self.out.wrapping_sub(1);
        self.lanes(first)
            .map(|row| start.wrapping_add(row * self.width))
    }

    /// Dot products of four rows with at most [`COLUMNS`] columns from `first` on.
    fn dot<'s>(
        &self,
        inputs: &[*const i8; ROWS],
        first: usize,
        sums: &'s mut Sums,
    ) -> &'s [[i32; ROWS]] {
        let columns = COLUMNS.min(self.width - first);
        let weights = self.weights.wrapping_add(first * self.depth);
        // SAFETY: `new` has checked that the rows have `depth` elements, and that so many columns
        // follow the weights; both numbers are multiples of 16, and not zero.
        unsafe {
            dot(inputs, weights, self.depth / BLOCK, columns, sums);
            slice::from_raw_parts(sums.as_ptr().cast(), columns)
        }
    }
}

/// Dot products of four rows with whole block columns.
///
/// # Safety
/// The rows have `steps` times 16 elements, the weights `columns` times as many; `columns` is a
/// multiple of 16, at most [`COLUMNS`], and neither is zero. So many of `sums` are initialized.
#[inline(never)]
unsafe fn dot(
    rows: &[*const i8; ROWS],
    weights: *const i8,
    steps: usize,
    columns: usize,
    sums: &mut Sums,
) {
    let start = sums.as_mut_ptr();
    // The first step is one by itself. The first round of the others may be a short one: it is
    // entered so many steps before its end.
    let rounds = (steps - 1).div_ceil(STEPS).max(1);
    let entry = (steps - 1 - (rounds - 1) * STEPS) * STEP_BYTES;
    // SAFETY: a step reads 16 bytes of each row and 32 of one block of 256 of `weights`, from the
    // columns' place in it: places are 32 bytes apart, and after a block's eighth comes the next
    // block column's first. Eight sums are written for each pair of columns. r6 and r7 may not be operands; they are saved and restored. All other
    // registers are declared, and the stack pointer ends where it was.
    unsafe {
        asm!(
            "push {{r6, r7}}",
            "mov r7, r2",
            "adr lr, 4f",
            "sub lr, lr, r12",
            "add lr, lr, #1",
            // Where the loop is entered; the sums' next place, the end of those of the block
            // column, the end of all, and the way to the next block column's weights; and what a
            // pair of columns begins with: rows, rounds, weights.
            "push {{lr}}",
            "push {{r0, r4, r8, r10}}",
            "push {{r1, r3, r5, r7, r9, r11}}",
            // Loads run beside multiplications.
            ".macro step multiply",
            "vldrw.u32 q0, [r11], #256",
            "vldrb.u8 q2, [r1], #16",
            "\\multiply r0, q2, q0",
            "vldrw.u32 q1, [r11, #-240]",
            "\\multiply r8, q2, q1",
            "vldrb.u8 q3, [r3], #16",
            "\\multiply r2, q3, q0",
            "vldrb.u8 q2, [r5], #16",
            "\\multiply r10, q3, q1",
            "vldrb.u8 q3, [r7], #16",
            "\\multiply r4, q2, q0",
            "\\multiply r12, q2, q1",
            "\\multiply r6, q3, q0",
            "\\multiply lr, q3, q1",
            ".endm",
            "2:",
            "ldm sp, {{r1, r3, r5, r7, r9, r11}}",
            "step vmladav.s8",
            "ldr pc, [sp, #40]",
            "3:",
            ".rept {steps}",
            "step vmladava.s8",
            ".endr",
            "4:",
            "subs r9, r9, #1",
            "bne 3b",
            ".purgem step",
            // On to the next pair of columns.
            "ldrd r5, r1, [sp, #20]",
            "ldr r3, [sp, #28]",
            "stm r1!, {{r0, r2, r4, r6, r8, r10, r12, lr}}",
            "add r5, r5, #32",
            "strd r5, r1, [sp, #20]",
            "cmp r1, r3",
            "bne 2b",
            // On to the next block column.
            "ldrd r7, r9, [sp, #32]",
            "add r5, r5, r9",
            "add r3, r3, {block}",
            "str r5, [sp, #20]",
            "str r3, [sp, #28]",
            "cmp r1, r7",
            "bne 2b",
            "add sp, sp, #44",
            "pop {{r6, r7}}",
            steps = const STEPS,
            block = const size_of::<[[i32; ROWS]; BLOCK]>(),
            inout("r0") start => _,
            inout("r1") rows[0] => _,
            inout("r2") rows[3] => _,
            inout("r3") rows[1] => _,
            inout("r4") start.wrapping_add(BLOCK) => _,
            inout("r5") rows[2] => _,
            inout("r8") start.wrapping_add(columns) => _,
            inout("r9") rounds => _,
            inout("r10") (steps - 1) * BLOCK * BLOCK => _,
            inout("r11") weights => _,
            inout("r12") entry => _,
            out("lr") _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            out("q3") _,
        );
    }
}

type Places = [*mut i32; ROWS];

/// What four rows bring to requantization.
#[repr(C)]
struct Rows {
    /// Where the next column goes, less a word.
    places: Places,
    minus_zero_points: [i32; ROWS],
    multipliers: [i32; ROWS],
    left_shifts: [i32; ROWS],
}

impl Rows {
    fn new(places: Places, scales: [RowScale; ROWS], layer: &Linear<'_>) -> Self {
        let factors = scales.map(|row| row_factor(row.scale, layer));
        Rows {
            places,
            minus_zero_points: scales.map(|row| row.zero_point.wrapping_neg()),
            multipliers: factors.map(|factor| factor.multiplier),
            left_shifts: factors.map(|factor| -(factor.shift as i32)),
        }
    }
}

/// What a chunk of columns brings to it.
struct Columns<'a> {
    multipliers: &'a [i32],
    column_sums: &'a [i32],
    biases: &'a [i32],
    shift: u32,
}

/// [`scalar::linear`]'s requantization of four rows by a chunk of columns; advances the rows'
/// places by as many.
///
/// # Safety
/// From each of the places on, there is room for a row of `sums`.
unsafe fn requantize(sums: &[[i32; ROWS]], rows: &mut Rows, columns: &Columns<'_>) {
    let Columns {
        multipliers,
        column_sums,
        biases,
        shift,
    } = *columns;
    let count = sums.len();
    assert!(count >= 2 && multipliers.len() >= count);
    assert!(column_sums.len() >= count && biases.len() >= count);
    // SAFETY: each of the rounds reads two of the sums of each row, two elements of each of the
    // columns' slices, which have as many, and writes two elements of each row of the result.
    unsafe {
        asm!(
            "vldrw.u32 q4, [{rows}]",
            "vldrw.u32 q5, [{rows}, #16]",
            "vldrw.u32 q6, [{rows}, #32]",
            "vldrw.u32 q7, [{rows}, #48]",
            "dls lr, lr",
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
            left = out(reg) _,
            right = out(reg) _,
            inout("lr") count / 2 => _,
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

/// Writes the sums of four rows by a chunk of columns, and advances the places by as many.
///
/// # Safety
/// As for [`requantize`].
unsafe fn store(sums: &[[i32; ROWS]], places: &mut Places) {
    assert!(sums.len() >= 4);
    // SAFETY: each of the rounds reads four of the sums of each row and writes them to the rows
    // of the result.
    unsafe {
        asm!(
            "vldrw.u32 q2, [{places}]",
            "dls lr, lr",
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
            inout("lr") sums.len() / 4 => _,
            out("q0") _,
            out("q1") _,
            out("q2") _,
            options(nostack),
        );
    }
}
