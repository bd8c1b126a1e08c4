//! Matrix products: `i32x4.dot_i16x8_s` multiplies 8 pairs of 16-bit numbers and adds them in twos.
//!
//! Bytes are widened as they are loaded; their products cannot overflow there, so the sums are
//! exact. Four rows by eight columns share the 24 loads of 512 multiply-accumulates: more sums than
//! some processors have registers, but engines are no slower for that.

use super::vector::{Factors, doubled, load, mul_q31};
use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use crate::kernels::{Activations, RowScale};
use crate::shape::BLOCK;
use core::arch::wasm32::*;
use core::array;

/// Rows and columns computed together.
const ROWS: usize = 4;
const COLUMNS: usize = 8;

/// Columns of a vector of sums.
const LANES: usize = 4;

/// Bytes of a 16 x 16 block.
const BLOCK_BYTES: usize = BLOCK * BLOCK;

/// What becomes of dot products.
#[derive(Clone, Copy)]
enum Finish<'a> {
    Raw,
    /// See [`scalar::linear`].
    Requantize(&'a Linear<'a>, &'a [RowScale]),
}

pub fn matmul(a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
    if !product(a, b, 0, out, out_width, Finish::Raw) {
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
    let columns = layer.weights.columns;
    let fits = input.values.len() <= input.rows.len() * layer.weights.depth
        && layer.multipliers.len() >= columns
        && layer.column_sums.len() >= columns
        && layer.biases.len() >= columns;
    let finish = Finish::Requantize(layer, input.rows);
    if !fits || !product(input.values, &layer.weights, first, out, out_width, finish) {
        scalar::linear(input, layer, first, out, out_width);
    }
}

/// Products of all rows of `a` with columns `first..first + width` of `b`; false where the slices
/// are not as long as that needs.
fn product(
    a: &[i8],
    b: &Matrix<'_>,
    first: usize,
    out: &mut [i32],
    width: usize,
    finish: Finish<'_>,
) -> bool {
    let rows = a.len().checked_div(b.depth).unwrap_or(0);
    let fits = b.depth.is_multiple_of(BLOCK)
        && first.is_multiple_of(BLOCK)
        && width.is_multiple_of(BLOCK)
        && first + width <= b.columns
        && out.len() >= rows * width;
    let weights = b.data.get(first * b.depth..(first + width) * b.depth);
    let Some(weights) = weights.filter(|_| fits && width > 0) else {
        return false;
    };
    let product = Product {
        weights,
        depth: b.depth,
        first,
        width,
        finish,
    };
    let whole = rows / ROWS * ROWS;
    for row in (0..whole).step_by(ROWS) {
        product.tile::<ROWS>(&a[row * b.depth..], row, &mut out[row * width..]);
    }
    for row in whole..rows {
        product.tile::<1>(&a[row * b.depth..], row, &mut out[row * width..]);
    }
    true
}

/// Columns `first..first + width` of a matrix, at least one block, and what is done with them.
struct Product<'a> {
    weights: &'a [i8],
    depth: usize,
    first: usize,
    width: usize,
    finish: Finish<'a>,
}

impl Product<'_> {
    /// The products of `R` rows, the first of which is `row`.
    fn tile<const R: usize>(&self, a: &[i8], row: usize, out: &mut [i32]) {
        let &Product { depth, width, .. } = self;
        assert!(a.len() / R >= depth && out.len() / R >= width);
        let requantize = self.requantize::<R>(row);
        let block_columns = self.weights.chunks_exact(BLOCK * depth);
        for (index, weights) in block_columns.enumerate().take(width / BLOCK) {
            for column in (0..BLOCK).step_by(COLUMNS) {
                let sums = dot::<R>(a, depth, weights, column);
                for lane in (0..COLUMNS).step_by(LANES) {
                    let column = index * BLOCK + column + lane;
                    let sums =
                        array::from_fn(|row| reduce(array::from_fn(|i| sums[row][lane + i])));
                    let results = match &requantize {
                        Some(requantize) => requantize.apply(sums, self.first + column),
                        None => sums,
                    };
                    for (row, result) in results.into_iter().enumerate() {
                        // SAFETY: by the assertion; `row < R`, and `column + 4 <= width`.
                        unsafe {
                            let out = out.as_mut_ptr().add(row * width + column);
                            v128_store(out.cast(), result);
                        }
                    }
                }
            }
        }
    }

    /// How the sums of these rows are requantized, if they are.
    fn requantize<const R: usize>(&self, row: usize) -> Option<Requantize<'_, R>> {
        let Finish::Requantize(layer, rows) = self.finish else {
            return None;
        };
        let rows = &rows[row..row + R];
        Some(Requantize {
            multipliers: layer.multipliers.as_chunks().0,
            column_sums: layer.column_sums.as_chunks().0,
            biases: layer.biases.as_chunks().0,
            shift: accumulator_shift(self.depth),
            zeros: array::from_fn(|i| i32x4_splat(rows[i].zero_point)),
            factors: array::from_fn(|i| row_factor(rows[i].scale, layer).into()),
        })
    }
}

/// Sums of products of `R` rows of `depth` inputs with eight columns of a block column, each still
/// in four parts.
#[inline(always)]
fn dot<const R: usize>(
    a: &[i8],
    depth: usize,
    weights: &[i8],
    column: usize,
) -> [[v128; COLUMNS]; R] {
    assert!(a.len() / R >= depth && weights.len() / BLOCK >= depth && column + COLUMNS <= BLOCK);
    let mut sums = [[i32x4_splat(0); COLUMNS]; R];
    let mut rows: [_; R] = array::from_fn(|row| a[row * depth..].as_ptr());
    let mut block = weights[column * BLOCK..].as_ptr();
    // Read anew every time: of a stride that LLVM knows it would make an address for each load;
    // of one that it does not know, one for each row, with constants in the loads.
    let stride = 2 * BLOCK;
    // SAFETY: there are `depth` bytes from each row on, and eight columns in each of the
    // `depth / 16` blocks.
    unsafe {
        for _ in 0..depth / (2 * BLOCK) {
            step(&mut sums, rows, block);
            step(
                &mut sums,
                rows.map(|row| row.add(BLOCK)),
                block.add(BLOCK_BYTES),
            );
            let stride = (&raw const stride).read_volatile();
            rows = rows.map(|row| row.wrapping_add(stride));
            block = block.wrapping_add(stride * BLOCK);
        }
        if !depth.is_multiple_of(2 * BLOCK) {
            step(&mut sums, rows, block);
        }
    }
    sums
}

/// Adds the products of 16 inputs of each row.
///
/// # Safety
/// There must be 16 bytes at each row, and eight columns of 16 bytes at `block`.
#[inline(always)]
unsafe fn step<const R: usize>(
    sums: &mut [[v128; COLUMNS]; R],
    rows: [*const i8; R],
    block: *const i8,
) {
    // SAFETY: the caller vouches for the bytes.
    let columns: [_; COLUMNS] = array::from_fn(|i| unsafe { widen(block.add(i * BLOCK)) });
    for (sums, row) in sums.iter_mut().zip(rows) {
        // SAFETY: likewise.
        let [low, high] = unsafe { widen(row) };
        for (sum, column) in sums.iter_mut().zip(columns) {
            *sum = i32x4_add(*sum, i32x4_dot_i16x8(low, column[0]));
            *sum = i32x4_add(*sum, i32x4_dot_i16x8(high, column[1]));
        }
    }
}

/// 16 bytes, widened to 16 bits.
///
/// # Safety
/// There must be 16 bytes at `first`.
#[inline(always)]
unsafe fn widen(first: *const i8) -> [v128; 2] {
    // SAFETY: each load takes 8 of the bytes.
    unsafe {
        [
            i16x8_load_extend_i8x8(first),
            i16x8_load_extend_i8x8(first.add(8)),
        ]
    }
}

/// The sum of each vector.
#[inline(always)]
fn reduce([a, b, c, d]: [v128; LANES]) -> v128 {
    let pairs = |a, b| {
        i32x4_add(
            i32x4_shuffle::<0, 4, 1, 5>(a, b),
            i32x4_shuffle::<2, 6, 3, 7>(a, b),
        )
    };
    let (ab, cd) = (pairs(a, b), pairs(c, d));
    i32x4_add(
        i32x4_shuffle::<0, 1, 4, 5>(ab, cd),
        i32x4_shuffle::<2, 3, 6, 7>(ab, cd),
    )
}

/// [`scalar::linear`]'s requantization of `R` rows.
struct Requantize<'a, const R: usize> {
    multipliers: &'a [[i32; LANES]],
    column_sums: &'a [[i32; LANES]],
    biases: &'a [[i32; LANES]],
    shift: u32,
    zeros: [v128; R],
    factors: [Factors; R],
}

impl<const R: usize> Requantize<'_, R> {
    /// Of the sums of four channels, the first of which is `channel`.
    #[inline(always)]
    fn apply(&self, sums: [v128; R], channel: usize) -> [v128; R] {
        let index = channel / LANES;
        let multipliers = doubled(load(&self.multipliers[index]));
        let column_sums = load(&self.column_sums[index]);
        let biases = load(&self.biases[index]);
        array::from_fn(|row| {
            let correction = i32x4_mul(self.zeros[row], column_sums);
            let sum = i32x4_shl(i32x4_sub(sums[row], correction), self.shift);
            let scaled = self.factors[row].apply(mul_q31(sum, multipliers));
            i32x4_add(scaled, biases)
        })
    }
}
