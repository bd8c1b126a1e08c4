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

/// All rows with all columns; `dot` is given four rows and a column of blocks.
#[inline]
#[target_feature(enable = "neon")]
pub fn product(
    operands: Operands<'_>,
    finish: Finish<'_>,
    dot: impl Fn([&[i8]; ROWS], &[i8]) -> Sums,
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
        let rows = places.map(|row| &inputs[row * depth..][..depth]);
        let outs = places.map(|row| out[row * width..][..width].as_mut_ptr());
        let requantize = match finish {
            Finish::Raw => None,
            Finish::Requantize(layer) => {
                let rows = places.map(|row| RowVectors::new(layer.rows[tile * ROWS + row], layer));
                Some((layer, rows))
            }
        };
        for (block, block_column) in weights.chunks_exact(BLOCK * depth).enumerate() {
            let column = block * BLOCK;
            let mut sums = dot(rows, block_column);
            if let Some((layer, rows)) = &requantize {
                // SAFETY: the layer's slices have the `width` columns, which are whole blocks.
                unsafe { self::requantize(&mut sums, layer, rows, column) };
            }
            for (sums, out) in sums.into_iter().zip(outs) {
                for (group, sum) in sums.into_iter().enumerate() {
                    // SAFETY: `out` has the `width` columns, which are whole blocks.
                    unsafe { vst1q_s32(out.add(column + group * 4), sum) };
                }
            }
        }
    }
}

/// What requantization takes of a row, in every lane.
struct RowVectors {
    zero_point: int32x4_t,
    left: int32x4_t,
    multiplier: int32x4_t,
    right: int32x4_t,
}

impl RowVectors {
    #[target_feature(enable = "neon")]
    fn new(row: RowScale, layer: Requantize<'_>) -> Self {
        let factor = row_factor(row.scale, layer.layer);
        RowVectors {
            zero_point: vdupq_n_s32(row.zero_point),
            left: vdupq_n_s32(accumulator_shift(layer.layer.weights.depth) as i32),
            multiplier: vdupq_n_s32(factor.multiplier),
            right: vdupq_n_s32(-(factor.shift as i32)),
        }
    }
}

/// [`crate::kernels::scalar::linear`]'s requantization of 16 columns.
///
/// Multipliers are below 2^30: no doubled product saturates, and rounding does not overflow.
///
/// # Safety
/// The layer's slices must have these columns.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn requantize(
    sums: &mut Sums,
    layer: &Requantize<'_>,
    rows: &[RowVectors; ROWS],
    column: usize,
) {
    for group in 0..BLOCK / 4 {
        // SAFETY: the caller vouches for the columns.
        let [multipliers, column_sums, biases] =
            [layer.multipliers, layer.column_sums, layer.biases]
                .map(|all| unsafe { vld1q_s32(all.as_ptr().add(column + group * 4)) });
        for (sums, row) in sums.iter_mut().zip(rows) {
            let sum = vmlsq_s32(sums[group], column_sums, row.zero_point);
            let scaled = vqdmulhq_s32(vshlq_s32(sum, row.left), multipliers);
            let scaled = vqdmulhq_s32(scaled, row.multiplier);
            sums[group] = vaddq_s32(vrshlq_s32(scaled, row.right), biases);
        }
    }
}
