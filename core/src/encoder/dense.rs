//! Dense layers, however their weights are stored.
//!
//! int4 weights become int8 just before they are multiplied, as many at a time as there is spare
//! memory for. What is exact in one product is exact in parts, so how many they are does not show
//! in the results.

use super::tiling::{TILE, row_block};
use crate::blob::{Format, Linear, Matrix, PAIR};
use crate::kernels::scalar::BLOCK_BYTES;
use crate::kernels::{Activations, InstructionSet};
use crate::memory::{Arena, OutOfScratch, region, sum};
use crate::shape::{BLOCK, Shape};
use core::ops::Range;

/// Bytes to expand int4 weights of `depth` inputs for a row block: 16 columns at a time on
/// microcontrollers, else 64.
pub(super) const fn expansion_bytes(shape: &Shape, tile: usize, depth: usize) -> usize {
    let columns = match (shape.has_int4, tile) {
        (false, _) => return 0,
        (true, 0..16) => BLOCK,
        (true, _) => 4 * BLOCK,
    };
    sum([
        region::<i8>(columns, depth),
        region::<i32>(row_block(shape, tile), columns),
    ])
}

/// Some columns of a layer in int8: as they are, or expanded.
pub struct Columns<'a> {
    layer: &'a Linear<'a>,
    channels: Range<usize>,
    /// Of int4 weights.
    expanded: Option<&'a [i8]>,
}

impl<'a> Columns<'a> {
    /// int4 weights of `channels` are expanded in the first `depth * channels.len()` bytes of
    /// `arena`.
    pub fn take(
        set: InstructionSet,
        layer: &'a Linear<'a>,
        channels: Range<usize>,
        mut arena: Arena<'a>,
    ) -> Result<Self, OutOfScratch> {
        let mut expanded = None;
        if layer.weights.format == Format::Nibbles {
            let depth = layer.weights.depth;
            let weights: &mut [i8] = arena.take(channels.len() * depth)?;
            let block = |column| column * depth / BLOCK_BYTES;
            let blocks = block(channels.start)..block(channels.end);
            expand(set, layer, blocks, weights);
            expanded = Some(&*weights);
        }
        Ok(Columns {
            layer,
            channels,
            expanded,
        })
    }

    /// [`Kernels::linear`](crate::kernels::Kernels::linear) for these columns.
    pub fn multiply(&self, set: InstructionSet, input: &Activations<'_>, out: &mut [i32]) {
        match self.expanded {
            None => set.linear(input, self.layer, self.channels.start, out, self.width()),
            Some(weights) => self.multiply_expanded(set, input, weights, out),
        }
    }

    fn width(&self) -> usize {
        self.channels.len()
    }

    /// Kept apart: int8 need not have another layer on its stack.
    #[inline(never)]
    fn multiply_expanded(
        &self,
        set: InstructionSet,
        input: &Activations<'_>,
        weights: &[i8],
        out: &mut [i32],
    ) {
        let layer = self.layer;
        let of = |numbers: &'a [i32]| numbers.get(self.channels.clone()).unwrap_or_default();
        let part = Linear {
            weights: Matrix {
                data: weights,
                columns: self.width(),
                depth: layer.weights.depth,
                format: Format::Columns,
            },
            groups: &[],
            multipliers: of(layer.multipliers),
            column_sums: of(layer.column_sums),
            biases: of(layer.biases),
            ..*layer
        };
        set.linear(input, &part, 0, out, self.width());
    }
}

/// [`Kernels::linear`](crate::kernels::Kernels::linear) for weights in any format.
///
/// int4 weights are expanded in `spare`, of which they take all they can use: `depth * out_width`
/// bytes, or `16 * (depth + 4 * rows)` for each 16 columns. With less they go by slabs of the
/// depth, of which each input takes `16 + rows` bytes, and 256 besides.
///
/// # Errors
/// When `spare` has not even room for a slab of 16 inputs.
pub fn dense(
    set: InstructionSet,
    input: &Activations<'_>,
    layer: &Linear<'_>,
    first: usize,
    out: &mut [i32],
    out_width: usize,
    spare: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let (depth, rows) = (layer.weights.depth, input.rows.len());
    if layer.weights.format != Format::Nibbles {
        set.linear(input, layer, first, out, out_width);
        return Ok(());
    }
    if depth * out_width <= spare.len() {
        let channels = first..first + out_width;
        Columns::take(set, layer, channels, spare)?.multiply(set, input, out);
        return Ok(());
    }
    let product = Product {
        set,
        input,
        layer,
        first,
        width: out_width,
    };
    let sums = size_of::<i32>() * rows;
    let columns = spare.len() / (depth + sums) / BLOCK * BLOCK;
    let tile = size_of::<[[i32; BLOCK]; TILE]>();
    let inputs = spare.len().saturating_sub(tile) / (BLOCK + rows) / BLOCK * BLOCK;
    match (columns, inputs) {
        (0, 0) => Err(OutOfScratch),
        (0, _) => product.by_slabs(inputs, out, spare),
        _ => product.by_columns(columns, out, spare),
    }
}

/// Expands some of the layer's blocks.
fn expand(set: InstructionSet, layer: &Linear<'_>, blocks: Range<usize>, out: &mut [i8]) {
    let part = |bytes: usize| blocks.start * bytes..blocks.end * bytes;
    let nibbles = layer.weights.data.get(part(BLOCK_BYTES / 2));
    let groups = layer.groups.get(part(BLOCK_BYTES / PAIR));
    if let (Some(nibbles), Some(groups)) = (nibbles, groups) {
        set.expand(nibbles, groups, out);
    }
}

/// Inputs times columns `first..first + width` of int4 weights.
struct Product<'a> {
    set: InstructionSet,
    input: &'a Activations<'a>,
    layer: &'a Linear<'a>,
    first: usize,
    width: usize,
}

impl Product<'_> {
    /// So many columns at a time.
    ///
    /// Kept apart, as the other: int8 need not have their variables on its stack.
    #[inline(never)]
    fn by_columns(
        &self,
        columns: usize,
        out: &mut [i32],
        mut spare: Arena<'_>,
    ) -> Result<(), OutOfScratch> {
        let rows = self.input.rows.len();
        let sums: &mut [i32] = spare.take(columns * rows)?;
        for start in (0..self.width).step_by(columns) {
            let width = columns.min(self.width - start);
            let channels = self.first + start..self.first + start + width;
            Columns::take(self.set, self.layer, channels, spare.phase())?
                .multiply(self.set, self.input, sums);
            let lines = out
                .chunks_exact_mut(self.width)
                .zip(sums.chunks_exact(width));
            for (out, sums) in lines.take(rows) {
                if let Some(out) = out.get_mut(start..start + width) {
                    out.copy_from_slice(sums);
                }
            }
        }
        Ok(())
    }

    /// 16 columns and so many inputs at a time.
    #[inline(never)]
    fn by_slabs(
        &self,
        inputs: usize,
        out: &mut [i32],
        mut spare: Arena<'_>,
    ) -> Result<(), OutOfScratch> {
        let (depth, rows) = (self.layer.weights.depth, self.input.rows.len());
        let weights: &mut [i8] = spare.take(BLOCK * inputs)?;
        let values: &mut [i8] = spare.take(rows * inputs)?;
        let sums: &mut [i32] = spare.take(TILE * BLOCK)?;
        out.fill(0);
        for start in (0..depth).step_by(inputs) {
            let slab = inputs.min(depth - start);
            let lines = self.input.values.chunks_exact(depth);
            for (values, line) in values.chunks_exact_mut(slab).zip(lines) {
                values.copy_from_slice(line.get(start..start + slab).unwrap_or_default());
            }
            let values = values.get(..rows * slab).unwrap_or_default();
            for column in (0..self.width).step_by(BLOCK) {
                let block = ((self.first + column) * depth + start * BLOCK) / BLOCK_BYTES;
                expand(self.set, self.layer, block..block + slab / BLOCK, weights);
                let matrix = Matrix {
                    data: weights.get(..BLOCK * slab).unwrap_or_default(),
                    columns: BLOCK,
                    depth: slab,
                    format: Format::Columns,
                };
                let tiles = out.chunks_mut(TILE * self.width);
                for (out, values) in tiles.zip(values.chunks(TILE * slab)) {
                    self.set.matmul(values, &matrix, sums, BLOCK);
                    add(sums, out, self.width, column);
                }
            }
        }
        for (out, scale) in out.chunks_exact_mut(self.width).zip(self.input.rows) {
            self.set.requantize(out, self.layer, self.first, scale);
        }
        Ok(())
    }
}

/// Adds rows of 16 sums to rows of `width` of `out`, from `column` on.
fn add(sums: &[i32], out: &mut [i32], width: usize, column: usize) {
    let rows = out.chunks_exact_mut(width);
    for (out, sums) in rows.zip(sums.as_chunks::<BLOCK>().0) {
        let out = out.get_mut(column..).unwrap_or_default();
        if let Some(out) = out.first_chunk_mut::<BLOCK>() {
            for (out, &sum) in out.iter_mut().zip(sums) {
                *out = out.wrapping_add(sum);
            }
        }
    }
}
