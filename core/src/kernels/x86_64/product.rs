//! Matrix products of every set: what is the same for all of them.
//!
//! Weights are rearranged, a panel of a few block columns by a few hundred input channels at a
//! time, so that one vector holds successive inputs of many output channels. A tile of rows then
//! needs one broadcast of its inputs per row and step, and its sums come out in order. That costs
//! as much as multiplying a row or two, which a panel that stays in the nearest cache gives back
//! many times over. Weights that a blob stores in [`Format::Vnni4`] lie in that order already.

use super::fits;
use crate::blob::{Format, Linear, Matrix};
use crate::fixed::FixedMultiplier;
use crate::kernels::Activations;
use crate::kernels::scalar::{accumulator_shift, row_factor};
use crate::shape::BLOCK;
use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
use core::mem::MaybeUninit;
use core::ptr;

/// Bytes of a 16 x 16 block.
pub use crate::kernels::scalar::BLOCK_BYTES;

/// Bytes of a panel: three quarters of the usual first-level cache.
pub const PANEL_BYTES: usize = 24 << 10;

/// The fewest rows during whose products there is time to fetch the next panel of weights, if it
/// is packed too.
const PREFETCHED_ROWS: usize = 64;

/// Rows computed with one panel: what is kept for each row fills 5 KiB of stack.
const ROWS: usize = 256;

/// How a set multiplies.
pub struct Tiling {
    /// The most rows and block columns, a power of two, of a tile.
    pub rows: usize,
    pub block_columns: usize,
    /// Bytes of a weight in the panel.
    pub weight_bytes: usize,
    /// What the sums of products start from, for each row of `depth` inputs.
    pub starts: unsafe fn(inputs: &[i8], depth: usize, starts: &mut [i32]),
    /// Rearranges blocks, one after the other, into as many of the panel.
    ///
    /// # Safety
    /// `panel` has room for `weight_bytes` bytes per weight.
    pub pack: unsafe fn(blocks: &[i8], panel: *mut u8),
    /// The same of blocks in [`Format::Vnni4`]; `None` where a tile takes these as they lie.
    pub pack_fours: Option<unsafe fn(blocks: &[i8], panel: *mut u8)>,
    /// Multiplies a tile.
    ///
    /// # Safety
    /// All of the tile's pointers are good for what it says of them.
    pub multiply: unsafe fn(tile: &Tile),
    /// Multiplies a tile of one block column with weights as they lie, which is better for so
    /// many rows at most.
    ///
    /// # Safety
    /// Likewise.
    pub multiply_direct: unsafe fn(tile: &Tile),
    pub direct_rows: usize,
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
    /// `blocks` blocks for each block column, rearranged or not, and how many bytes it is from
    /// one block column to the next.
    pub weights: *const u8,
    pub stride: usize,
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
    fn new(factor: FixedMultiplier, zero_point: i32) -> Self {
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
    let fits = fits(a, b, 0, out, out_width);
    if fits {
        // SAFETY: the machine has the instructions, as the caller says.
        unsafe { product(tiling, a, b, None, 0, out, out_width) };
    }
    fits
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
    if fits {
        let finish = Some((input, layer));
        // SAFETY: the machine has the instructions, as the caller says.
        unsafe { product(tiling, input.values, weights, finish, first, out, out_width) };
    }
    fits
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
    let panel = panel.0.as_mut_ptr().cast::<u8>();
    let (mut starts, mut factors) = ([0; ROWS], [Row::default(); ROWS]);
    let depth = b.depth;
    let rows = a.len() / depth;
    for first_row in (0..rows).step_by(ROWS) {
        let rows = ROWS.min(rows - first_row);
        let inputs = &a[first_row * depth..(first_row + rows) * depth];
        // SAFETY: the machine has the instructions.
        unsafe { (tiling.starts)(inputs, depth, &mut starts[..rows]) };
        if let Some((input, layer)) = layer {
            let scales = &input.rows[first_row..first_row + rows];
            for (row, scale) in factors.iter_mut().zip(scales) {
                *row = Row::new(row_factor(scale.scale, layer), scale.zero_point);
            }
        }
        let direct = b.format == Format::Columns && rows <= tiling.direct_rows;
        let (multiply, pack) = match b.format {
            Format::Vnni4 => (tiling.multiply, tiling.pack_fours),
            _ if direct => (tiling.multiply_direct, None),
            _ => (tiling.multiply, Some(tiling.pack)),
        };
        let mut pieces = Pieces::new(tiling, direct, depth / BLOCK, out_width / BLOCK);
        while let Some(piece) = pieces.next() {
            let (mut weights, mut stride) = (piece.start(b, first).cast(), depth * BLOCK);
            if let Some(pack) = pack {
                let bytes = piece.blocks * BLOCK_BYTES * tiling.weight_bytes;
                (weights, stride) = (panel.cast_const(), bytes);
                for (index, source) in piece.sources(b, first).enumerate() {
                    // SAFETY: the blocks of a piece fill the panel at most.
                    unsafe { pack(source, panel.add(index * bytes)) };
                }
            }
            let last = (piece.block + piece.blocks) * BLOCK == depth;
            let column = piece.block_column * BLOCK;
            let tiles = rows.div_ceil(tiling.rows);
            // Keys and values are near anyway, and few rows leave no time to fetch a panel.
            let ahead = (layer.is_some() && (pack.is_none() || rows >= PREFETCHED_ROWS))
                .then(|| pieces.clone().next().unwrap_or(pieces.behind()));
            for index in 0..tiles {
                // Tiles of as many rows as each other, give or take one.
                let (row, end) = (index * rows / tiles, (index + 1) * rows / tiles);
                let inputs = &inputs[row * depth + piece.block * BLOCK..];
                let out = &mut out[(first_row + row) * out_width + column..];
                let tile = Tile {
                    rows: end - row,
                    block_columns: piece.block_columns,
                    blocks: piece.blocks,
                    inputs: inputs.as_ptr(),
                    depth,
                    weights,
                    stride,
                    out: out.as_mut_ptr(),
                    out_width,
                    starts: if piece.block == 0 {
                        starts[row..].as_ptr()
                    } else {
                        ptr::null()
                    },
                };
                if let Some(ahead) = &ahead {
                    ahead.prefetch(b, first, index, tiles);
                }
                // SAFETY: rows `row..end` of the inputs and of `out` are there, with the piece's
                // columns, and so are all its weights, where they lie or in the panel.
                unsafe { multiply(&tile) };
                if let Some((_, layer)) = layer.filter(|_| last) {
                    let columns = Columns::new(layer, first + column, piece.block_columns * BLOCK);
                    // SAFETY: likewise.
                    unsafe { (tiling.requantize)(&tile, &columns, &factors[row..end]) };
                }
            }
        }
    }
}

/// What a panel holds of the weights.
struct Piece {
    block_column: usize,
    block_columns: usize,
    /// The first block of depth, and how many.
    block: usize,
    blocks: usize,
}

impl Piece {
    /// Where it begins in the data of `b`, of which columns from `first` on are wanted.
    fn offset(&self, b: &Matrix<'_>, first: usize) -> usize {
        (first + self.block_column * BLOCK) * b.depth + self.block * BLOCK_BYTES
    }

    fn start(&self, b: &Matrix<'_>, first: usize) -> *const i8 {
        b.data.as_ptr().wrapping_add(self.offset(b, first))
    }

    /// Its blocks, one block column after the other.
    fn sources<'a>(&self, b: &Matrix<'a>, first: usize) -> impl Iterator<Item = &'a [i8]> {
        let (data, depth, blocks) = (b.data, b.depth, self.blocks);
        let start = self.offset(b, first);
        (0..self.block_columns).map(move |index| {
            let start = start + index * BLOCK * depth;
            &data[start..start + blocks * BLOCK_BYTES]
        })
    }

    /// Brings a tile's share of it near.
    fn prefetch(&self, b: &Matrix<'_>, first: usize, tile: usize, tiles: usize) {
        const LINE: usize = 64;
        let (start, lines) = (self.start(b, first), self.blocks * BLOCK_BYTES / LINE);
        for line in tile * lines / tiles..(tile + 1) * lines / tiles {
            for column in 0..self.block_columns {
                let address = start.wrapping_add(column * BLOCK * b.depth + line * LINE);
                // SAFETY: this reads nothing: what is no memory is not fetched.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(address) };
            }
        }
    }
}

/// All pieces of a product: the depths of one panel after the other.
#[derive(Clone)]
struct Pieces {
    /// The most block columns of a piece, and the most blocks.
    widest: usize,
    most: usize,
    depth: usize,
    width: usize,
    block_column: usize,
    block: usize,
}

impl Pieces {
    /// Of `width` block columns, `depth` blocks each.
    fn new(tiling: &Tiling, direct: bool, depth: usize, width: usize) -> Self {
        let (widest, most) = if direct {
            (1, depth)
        } else {
            let blocks = PANEL_BYTES / (BLOCK_BYTES * tiling.weight_bytes);
            (tiling.block_columns, blocks)
        };
        Pieces {
            widest,
            most,
            depth,
            width,
            block_column: 0,
            block: 0,
        }
    }

    /// What lies behind the last piece: most likely that of the next product, since a blob's
    /// tensors follow each other.
    fn behind(&self) -> Piece {
        Piece {
            block_column: self.width,
            block_columns: self.widest,
            block: 0,
            blocks: (self.most / self.widest).min(self.depth),
        }
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let power = (self.width - self.block_column).checked_ilog2()?;
        let block_columns = self.widest.min(1 << power);
        let piece = Piece {
            block_column: self.block_column,
            block_columns,
            block: self.block,
            blocks: (self.most / block_columns).min(self.depth - self.block),
        };
        self.block += piece.blocks;
        if self.block == self.depth {
            self.block_column += block_columns;
            self.block = 0;
        }
        Some(piece)
    }
}
