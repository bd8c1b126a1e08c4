//! Dense layers, however their weights are stored.
//!
//! int4 weights become int8 just before they are multiplied, as many at a time as there is spare
//! memory for. What is exact in one product is exact in parts, so how many they are does not show
//! in the results.

use crate::blob::{Format, Linear, Matrix, PAIR};
use crate::kernels::scalar::{BLOCK_BYTES, requantize_rows};
use crate::kernels::{Activations, InstructionSet};
use crate::memory::{Arena, OutOfScratch};
use crate::shape::BLOCK;
use core::ops::Range;

/// [`Kernels::linear`](crate::kernels::Kernels::linear) for weights in any format.
///
/// int4 weights are expanded in `spare`, of which they take all they can use:
/// `16 * (depth + 4 * rows)` bytes for each 16 columns. With less they go by slabs of the depth,
/// of which each input takes `16 + rows` bytes, and `64 * rows` besides.
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
    if layer.weights.format != Format::Nibbles {
        set.linear(input, layer, first, out, out_width);
        return Ok(());
    }
    let product = Product {
        set,
        input,
        layer,
        first,
        width: out_width,
    };
    let (depth, rows) = (layer.weights.depth, input.rows.len());
    let sums = size_of::<i32>() * rows;
    let columns = (spare.len() / (depth + sums)).min(out_width) / BLOCK * BLOCK;
    let inputs = spare.len().saturating_sub(BLOCK * sums) / (BLOCK + rows) / BLOCK * BLOCK;
    match (columns, inputs) {
        (0, 0) => Err(OutOfScratch),
        (0, _) => product.by_slabs(inputs, out, spare),
        _ => product.by_columns(columns, out, spare),
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
        let (depth, rows) = (self.layer.weights.depth, self.input.rows.len());
        let weights: &mut [i8] = spare.take(columns * depth)?;
        let sums: &mut [i32] = spare.take(columns * rows)?;
        for start in (0..self.width).step_by(columns) {
            let width = columns.min(self.width - start);
            let channels = self.first + start..self.first + start + width;
            let blocks = channels.start * depth / BLOCK_BYTES..channels.end * depth / BLOCK_BYTES;
            self.expand(blocks, weights);
            let part = self.part(channels, weights);
            self.set.linear(self.input, &part, 0, sums, width);
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
        let sums: &mut [i32] = spare.take(rows * BLOCK)?;
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
                self.expand(block..block + slab / BLOCK, weights);
                let matrix = Matrix {
                    data: weights.get(..BLOCK * slab).unwrap_or_default(),
                    columns: BLOCK,
                    depth: slab,
                    format: Format::Columns,
                };
                self.set.matmul(values, &matrix, sums, BLOCK);
                let lines = out.chunks_exact_mut(self.width);
                for (out, sums) in lines.zip(sums.chunks_exact(BLOCK)) {
                    let out = out.get_mut(column..column + BLOCK).unwrap_or_default();
                    for (out, &sum) in out.iter_mut().zip(sums) {
                        *out = out.wrapping_add(sum);
                    }
                }
            }
        }
        requantize_rows(out, self.width, self.layer, self.first, self.input.rows);
        Ok(())
    }

    /// Expands some of the layer's blocks.
    fn expand(&self, blocks: Range<usize>, out: &mut [i8]) {
        let part = |bytes: usize| blocks.start * bytes..blocks.end * bytes;
        let nibbles = self.layer.weights.data.get(part(BLOCK_BYTES / 2));
        let groups = self.layer.groups.get(part(BLOCK_BYTES / PAIR));
        if let (Some(nibbles), Some(groups)) = (nibbles, groups) {
            self.set.expand(nibbles, groups, out);
        }
    }

    /// Some channels as a layer of their own, their weights expanded.
    fn part<'a>(&'a self, channels: Range<usize>, weights: &'a [i8]) -> Linear<'a> {
        let (layer, depth) = (self.layer, self.layer.weights.depth);
        let of = |numbers: &'a [i32]| numbers.get(channels.clone()).unwrap_or_default();
        Linear {
            weights: Matrix {
                data: weights.get(..channels.len() * depth).unwrap_or_default(),
                columns: channels.len(),
                depth,
                format: Format::Columns,
            },
            groups: &[],
            multipliers: of(layer.multipliers),
            column_sums: of(layer.column_sums),
            biases: of(layer.biases),
            ..*layer
        }
    }
}
