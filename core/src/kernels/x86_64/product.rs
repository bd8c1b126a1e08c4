//! Matrix products of every set: what is the same for all of them.
//!
//! Weights are rearranged, a panel of a few block columns by a few hundred input channels at a
//! time, so that one vector holds successive inputs of many output channels. A tile of rows then
//! needs one broadcast of its inputs per row and step, and its sums come out in order. That costs
//! as much as multiplying a row or two, which a panel that stays in the nearest cache gives back
//! many times over.

use super::fits;
use crate::blob::{Linear, Matrix};
use crate::fixed::Factor;
use crate::kernels::Activations;
use crate::kernels::scalar::{accumulator_shift, row_factor};
use crate::shape::BLOCK;
use core::mem::MaybeUninit;

/// Bytes of a 16 x 16 block.
pub use crate::kernels::scalar::BLOCK_BYTES;

/// Bytes of a panel: three quarters of the usual first-level cache.
const PANEL_BYTES: usize = 24 << 10;

/// Rows computed with one panel: what is kept for each row fills 5 KiB of stack.
const ROWS: usize = 256;

/// How a set multiplies.
pub struct Tiling {
    /// The most rows and block columns, a power of two, of a tile.
    pub rows: usize,
    pub block_columns: usize,
    /// Bytes of a weight in the panel.
    pub weight_bytes: usize,
    /// What a sum of products starts from, for a row of inputs.
    pub start: unsafe fn(inputs: &[i8]) -> i32,
    /// Rearranges blocks, one after the other, into as many of the panel.
    ///
    /// # Safety
    /// `panel` has room for `weight_bytes` bytes per weight.
    pub pack: unsafe fn(blocks: &[i8], panel: *mut u8),
    /// Multiplies a tile.
    ///
    /// # Safety
    /// All of the tile's pointers are good for what it says of them.
    pub multiply: unsafe fn(tile: &Tile),
    /// Requantizes a tile's sums in place.
    ///
    /// # Safety
    /// Likewise.
    pub requantize: unsafe fn(tile: &Tile, columns: &Columns<'_>, rows: &[Row]),
}

/// A few rows times the columns of a panel.
pub struct Tile {
    pub rows: usize,
    pub block_columns: usize,
    /// Blocks of depth.
    pub blocks: usize,
    /// The first row's inputs, `blocks` times 16 of them, and how far it is to the next row.
    pub inputs: *const i8,
    pub depth: usize,
    /// `blocks` blocks for each block column.
    pub panel: *const u8,
    /// The first row's sums, and how far it is to the next row.
    pub out: *mut i32,
    pub out_width: usize,
    /// What the sums of each row start from; null where they go on from those in `out`.
    pub starts: *const i32,
}

/// What requantization needs to know of columns: slices as long as a tile is wide.
pub struct Columns<'a> {
    /// Left shift of sums, twice.
    pub shifts: i64,
    pub multipliers: &'a [i32],
    pub sums: &'a [i32],
    pub biases: &'a [i32],
}

impl<'a> Columns<'a> {
    fn new(layer: &Linear<'a>, first: usize, width: usize) -> Self {
        let columns = first..first + width;
        Columns {
            shifts: twice(accumulator_shift(layer.weights.depth)),
            multipliers: &layer.multipliers[columns.clone()],
            sums: &layer.column_sums[columns.clone()],
            biases: &layer.biases[columns],
        }
    }
}

/// What requantization needs to know of a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Twice the factor's multiplier, so that the product's upper half is the result.
    pub multiplier: i32,
    pub rounding: i32,
    /// Right shift of the result, twice.
    pub shifts: i64,
    pub zero_point: i32,
}

impl Row {
    fn new(factor: Factor, zero_point: i32) -> Self {
        Row {
            multiplier: factor.multiplier << 1,
            rounding: ((1u32 << factor.shift) >> 1) as i32,
            shifts: twice(factor.shift),
            zero_point,
        }
    }
}

/// A number in both halves of 64 bits.
fn twice(shift: u32) -> i64 {
    (shift as i64) << 32 | shift as i64
}

/// A panel, on the stack; only what is written is read.
#[repr(align(64))]
struct Panel(MaybeUninit<[u8; PANEL_BYTES]>);

/// See [`crate::kernels::Kernels::matmul`]; false where slices are shorter than that needs.
///
/// # Safety
/// The machine has the instructions of `tiling`.
pub unsafe fn matmul(
    tiling: &Tiling,
    a: &[i8],
    b: &Matrix<'_>,
    out: &mut [i32],
    out_width: usize,
) -> bool {
    // SAFETY: as the caller says.
    fits(a, b, 0, out, out_width) && {
        unsafe { product(tiling, a, b, None, 0, out, out_width) };
        true
    }
}

/// See [`crate::kernels::Kernels::linear`]; false where slices are shorter than that needs.
///
/// # Safety
/// The machine has the instructions of `tiling`.
pub unsafe fn linear(
    tiling: &Tiling,
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) -> bool {
    let weights = &layer.weights;
    let fits = fits(input.values, weights, first, out, out_width)
        && input.values.len() == input.rows.len() * weights.depth
        && layer.multipliers.len() >= weights.columns
        && layer.column_sums.len() >= weights.columns
        && layer.biases.len() >= weights.columns;
    // SAFETY: as the caller says.
    fits && {
        let finish = Some((input, layer));
        unsafe { product(tiling, input.values, weights, finish, first, out, out_width) };
        true
    }
}

/// Dot products of all rows of `a` with columns `first..first + out_width` of `b`.
///
/// # Safety
/// The machine has the instructions of `tiling`, and the slices fit.
unsafe fn product(
    tiling: &Tiling,
    a: &[i8],
    b: &Matrix<'_>,
    layer: Option<(&Activations<'_>, &Linear<'_>)>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
) {
    let mut panel = Panel(MaybeUninit::uninit());
    let (mut starts, mut factors) = ([0; ROWS], [Row::default(); ROWS]);
    let depth = b.depth;
    let rows = a.len() / depth;
    for first_row in (0..rows).step_by(ROWS) {
        let rows = ROWS.min(rows - first_row);
        let inputs = &a[first_row * depth..(first_row + rows) * depth];
        for (start, row) in starts.iter_mut().zip(inputs.chunks_exact(depth)) {
            // SAFETY: the machine has the instructions.
            *start = unsafe { (tiling.start)(row) };
        }
        if let Some((input, layer)) = layer {
            let scales = &input.rows[first_row..first_row + rows];
            for (row, scale) in factors.iter_mut().zip(scales) {
                *row = Row::new(row_factor(scale.scale, layer), scale.zero_point);
            }
        }
        let mut column = 0;
        while column < out_width {
            let block_columns = 1 << ((out_width - column) / BLOCK).ilog2();
            let block_columns = tiling.block_columns.min(block_columns);
            let width = block_columns * BLOCK;
            let deepest = PANEL_BYTES / (width * BLOCK * tiling.weight_bytes);
            for block in (0..depth / BLOCK).step_by(deepest) {
                let blocks = deepest.min(depth / BLOCK - block);
                for index in 0..block_columns {
                    let start = (first + column + index * BLOCK) * depth + block * BLOCK_BYTES;
                    let source = &b.data[start..start + blocks * BLOCK_BYTES];
                    let place = index * source.len() * tiling.weight_bytes;
                    // SAFETY: `deepest` blocks of each of the block columns fill the panel at most.
                    unsafe { (tiling.pack)(source, panel.0.as_mut_ptr().cast::<u8>().add(place)) };
                }
                let last = (block + blocks) * BLOCK == depth;
                let tiles = rows.div_ceil(tiling.rows);
                for tile in 0..tiles {
                    // Tiles of as many rows as each other, give or take one.
                    let (row, end) = (tile * rows / tiles, (tile + 1) * rows / tiles);
                    let inputs = &inputs[row * depth + block * BLOCK..];
                    let out = &mut out[(first_row + row) * out_width + column..];
                    let tile = Tile {
                        rows: end - row,
                        block_columns,
                        blocks,
                        inputs: inputs.as_ptr(),
                        depth,
                        panel: panel.0.as_ptr().cast(),
                        out: out.as_mut_ptr(),
                        out_width,
                        starts: if block == 0 {
                            starts[row..].as_ptr()
                        } else {
                            core::ptr::null()
                        },
                    };
                    // SAFETY: rows `row..end` of the inputs and of `out` are there, the latter
                    // `column + width` wide at least, and the panel has been filled.
                    unsafe { (tiling.multiply)(&tile) };
                    if let Some((_, layer)) = layer.filter(|_| last) {
                        let columns = Columns::new(layer, first + column, width);
                        // SAFETY: likewise.
                        unsafe { (tiling.requantize)(&tile, &columns, &factors[row..end]) };
                    }
                }
            }
            column += width;
        }
    }
}
