//! What the matrix products have in common: four rows at a time go through all columns, and
//! their sums are requantized before they leave the registers.

use crate::blob::{Linear, Matrix};
use crate::kernels::scalar::{accumulator_shift, row_factor};
use crate::kernels::{Activations, RowScale};
use crate::shape::BLOCK;
use core::arch::aarch64::*;

/// Rows computed together.
pub const ROWS: usize = 4;

/// Matrices whose slices are as long as the product needs.
pub struct Operands<'a> {
    pub a: &'a [i8],
    /// The blocks of the columns wanted.
    pub weights: &'a [i8],
    depth: usize,
    out: &'a mut [i32],
    width: usize,
}

impl<'a> Operands<'a> {
    /// Rows `a`, columns `first..first + width` of `b`.
    pub fn new(
        a: &'a [i8],
        b: &Matrix<'a>,
        first: usize,
        out: &'a mut [i32],
        width: usize,
    ) -> Option<Self> {
        let Matrix {
            data,
            columns,
            depth,
            ..
        } = *b;
        let rows = a.len().checked_div(depth)?;
        let fits = depth.is_multiple_of(BLOCK)
            && first.is_multiple_of(BLOCK)
            && width.is_multiple_of(BLOCK)
            && width > 0
            && first + width <= columns
            && out.len() >= rows * width;
        let weights = data.get(first * depth..(first + width) * depth)?;
        fits.then_some(Operands {
            a,
            weights,
            depth,
            out,
            width,
        })
    }
}

/// What to do with the dot products.
#[derive(Clone, Copy)]
pub enum Finish<'a> {
    /// Store them.
    Raw,
    /// Requantize them: see [`crate::kernels::scalar::linear`].
    Requantize(Requantize<'a>),
}

impl<'a> Finish<'a> {
    /// The layer's constants for columns `first..first + width`, where its slices have them.
    pub fn new(
        input: &Activations<'a>,
        layer: &'a Linear<'a>,
        first: usize,
        width: usize,
    ) -> Option<Self> {
        let channels = first..first + width;
        let depth = layer.weights.depth;
        let requantize = Requantize {
            layer,
            multipliers: layer.multipliers.get(channels.clone())?,
            column_sums: layer.column_sums.get(channels.clone())?,
            biases: layer.biases.get(channels)?,
            rows: input.rows,
        };
        (input.values.len() == input.rows.len() * depth).then_some(Finish::Requantize(requantize))
    }
}

#[derive(Clone, Copy)]
pub struct Requantize<'a> {
    layer: &'a Linear<'a>,
    multipliers: &'a [i32],
    column_sums: &'a [i32],
    biases: &'a [i32],
    rows: &'a [RowScale],
}

/// Dot products of four rows with 16 columns, four to a vector.
pub type Sums = [[int32x4_t; BLOCK / 4]; ROWS];

/// Calls `step` with 16 inputs of each row after the other, two times a round.
#[inline]
#[target_feature(enable = "neon")]
pub fn for_inputs(rows: [&[i8]; ROWS], mut step: impl FnMut([int8x16_t; ROWS])) {
    let depth = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == depth));
    // SAFETY: below, `start + 16 <= depth`.
    let inputs = |start| rows.map(|row| unsafe { vld1q_s8(row.as_ptr().add(start)) });
    let pairs = depth / (2 * BLOCK);
    for pair in 0..pairs {
        step(inputs(pair * 2 * BLOCK));
        step(inputs(pair * 2 * BLOCK + BLOCK));
    }
    if depth >= pairs * 2 * BLOCK + BLOCK {
        step(inputs(pairs * 2 * BLOCK));
    }
}

/// All rows with all columns; `dot` is given four rows, and what it makes of them a column of
/// blocks after the other.
#[inline]
#[target_feature(enable = "neon")]
pub fn product<'a, D: Fn(&[i8]) -> Sums>(
    operands: Operands<'a>,
    finish: Finish<'_>,
    dot: impl Fn([&'a [i8]; ROWS]) -> D,
) {
    let Operands {
        a,
        weights,
        depth,
        out,
        width,
    } = operands;
    let tiles = a
        .chunks(ROWS * depth)
        .zip(out.chunks_mut(ROWS * width))
        .enumerate();
    for (tile, (inputs, out)) in tiles {
        // Rows that are not there repeat the last one, in what they write too.
        let Some(last) = (inputs.len() / depth).checked_sub(1) else {
            break;
        };
        let places: [usize; ROWS] = core::array::from_fn(|row| row.min(last));
        let dot = dot(places.map(|row| &inputs[row * depth..][..depth]));
        assert!(out.len() >= (last + 1) * width);
        let start = out.as_mut_ptr();
        let outs = places.map(|row| start.wrapping_add(row * width));
        let requantize = match finish {
            Finish::Raw => None,
            Finish::Requantize(layer) => {
                let scales = places.map(|row| layer.rows[tile * ROWS + row]);
                Some((layer, TileVectors::new(scales, layer.layer)))
            }
        };
        for (block, block_column) in weights.chunks_exact(BLOCK * depth).enumerate() {
            let column = block * BLOCK;
            let mut sums = dot(block_column);
            if let Some((layer, tile)) = &requantize {
                // SAFETY: the layer's slices have the `width` columns, which are whole blocks.
                unsafe { self::requantize(&mut sums, layer, tile, column) };
            }
            for (sums, out) in sums.into_iter().zip(outs) {
                for (group, sum) in sums.into_iter().enumerate() {
                    // SAFETY: the row's place has the `width` columns, which are whole blocks.
                    unsafe { vst1q_s32(out.add(column + group * 4), sum) };
                }
            }
        }
    }
}

/// What requantization takes of four rows: a lane for each, or a vector.
struct TileVectors {
    zero_points: int32x4_t,
    multipliers: int32x4_t,
    left: int32x4_t,
    right: [int32x4_t; ROWS],
}

impl TileVectors {
    #[target_feature(enable = "neon")]
    fn new(rows: [RowScale; ROWS], layer: &Linear<'_>) -> Self {
        let factors = rows.map(|row| row_factor(row.scale, layer));
        TileVectors {
            zero_points: vector(rows.map(|row| row.zero_point)),
            multipliers: vector(factors.map(|factor| factor.multiplier)),
            left: vdupq_n_s32(accumulator_shift(layer.weights.depth) as i32),
            right: factors.map(|factor| vdupq_n_s32(-(factor.shift as i32))),
        }
    }
}

/// [`crate::kernels::scalar::linear`]'s requantization of 16 columns.
///
/// # Safety
/// The layer's slices must have these columns.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn requantize(sums: &mut Sums, layer: &Requantize<'_>, tile: &TileVectors, column: usize) {
    let [a, b, c, d] = sums;
    for group in 0..BLOCK / 4 {
        // SAFETY: the caller vouches for the columns.
        let constants = [layer.multipliers, layer.column_sums, layer.biases]
            .map(|all| unsafe { vld1q_s32(all.as_ptr().add(column + group * 4)) });
        a[group] = requantize_row::<0>(a[group], constants, tile);
        b[group] = requantize_row::<1>(b[group], constants, tile);
        c[group] = requantize_row::<2>(c[group], constants, tile);
        d[group] = requantize_row::<3>(d[group], constants, tile);
    }
}

/// Multipliers are below 2^30: no doubled product saturates, and rounding does not overflow.
#[inline]
#[target_feature(enable = "neon")]
fn requantize_row<const ROW: i32>(
    sum: int32x4_t,
    [multipliers, column_sums, biases]: [int32x4_t; 3],
    tile: &TileVectors,
) -> int32x4_t {
    let sum = vmlsq_laneq_s32::<ROW>(sum, column_sums, tile.zero_points);
    let scaled = vqdmulhq_s32(vshlq_s32(sum, tile.left), multipliers);
    let scaled = vqdmulhq_laneq_s32::<ROW>(scaled, tile.multipliers);
    vaddq_s32(vrshlq_s32(scaled, tile.right[ROW as usize]), biases)
}

#[inline]
#[target_feature(enable = "neon")]
fn vector(numbers: [i32; 4]) -> int32x4_t {
    // SAFETY: there are 4.
    unsafe { vld1q_s32(numbers.as_ptr()) }
}
