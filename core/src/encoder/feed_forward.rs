//! What follows attention in a layer: output projection, feed-forward network, and the two
//! residual connections with LayerNorm (section 3; arXiv 1706.03762, sections 3.1 and 3.3).
//!
//! A block of tokens at a time goes through all of it, so that intermediate states exist for a
//! few tokens only. With it goes the context of the head that attention has not kept, if any.

use super::Pass;
use super::attention::{self, Cache, Context};
use super::dense::expansion_bytes;
use super::dense::{Columns, dense};
use super::hidden::Hidden;
use super::tiling::{ffn_block, row_block};
use crate::blob::{Layer, Linear, Norm};
use crate::fixed::Requantizer;
use crate::kernels::{Activations, RowScale};
use crate::memory::{Arena, OutOfScratch, max, region, sum};
use crate::shape::BLOCK;
use crate::shape::Shape;
use core::ops::Range;

/// Finishes a layer for the tokens in `hidden`, which held the layer's input, come out of
/// `input_norm`, and holds its output.
///
/// `context` has all heads, or all but that of `last`, whose keys and values are those of the
/// layer's input: its context is drawn from a block of states just before they are overwritten.
pub fn transform(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    input_norm: &Norm<'_>,
    context: &Context<'_>,
    last: Option<&Cache<'_>>,
    mut hidden: Hidden<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    for rows in pass.row_blocks(hidden.rows()) {
        let mut arena = arena.phase();
        let heads = pass.tiling.kept_heads..pass.shape.heads;
        let mut rest = Context::take(&mut arena, pass.shape, heads, rows.clone())?;
        if let Some(last) = last {
            let (rows, arena) = (rows.clone(), arena.phase());
            attention::attend_rows(pass, layer, &hidden, rows, last, &mut rest, arena)?;
        }
        let residual = |norm, into| Residual { norm, into };
        attention_output(
            pass,
            layer,
            [context, &rest],
            &residual(input_norm, &layer.attention_norm),
            rows.clone(),
            &mut hidden,
            arena.phase(),
        )?;
        intermediate(pass, layer, &hidden, rows.clone(), arena.phase())?;
        output(
            pass,
            layer,
            &residual(&layer.attention_norm, &layer.output_norm),
            rows,
            &mut hidden,
            arena.phase(),
        )?;
    }
    Ok(())
}

/// A residual connection: the norm that the states came out of, and the one they go into.
struct Residual<'a> {
    norm: &'a Norm<'a>,
    into: &'a Norm<'a>,
}

impl Residual<'_> {
    /// `hidden = into(sums + hidden)`, `sums` in steps of `unit`.
    fn add(
        &self,
        pass: &Pass<'_>,
        sums: &mut [i32],
        unit: f32,
        rows: Range<usize>,
        hidden: &mut Hidden<'_>,
    ) {
        for (row, sums) in rows.zip(sums.chunks_exact_mut(pass.shape.hidden_blocks())) {
            hidden.add_to(pass.set, row, self.norm, unit, sums);
            hidden.set(pass.set, row, self.into, pass.shape.hidden, sums);
        }
    }
}

/// Bytes of the largest phase: the output of attention, the intermediate states while they are
/// computed, or the output.
pub const fn bytes(shape: &Shape, tile: usize) -> usize {
    let (hidden, inner) = (shape.hidden_blocks(), shape.intermediate_blocks());
    let (context, rows) = (shape.attention_blocks(), row_block(shape, tile));
    let (scales, sums) = (region::<[u32; 2]>(1, rows), region::<i32>(rows, hidden));
    // On microcontrollers also as many weights at a time, with their inputs.
    let slab = sum([
        expansion_bytes(shape, tile, hidden),
        region::<i8>(rows, hidden),
    ]);
    let attention_output = sum([
        scales,
        region::<i8>(rows, context),
        sums,
        expansion_bytes(shape, tile, context),
    ]);
    let chunk = ffn_block(shape, tile);
    let intermediate = sum([
        scales,
        region::<i16>(1, rows.saturating_mul(inner).saturating_add(BLOCK)),
        region::<i32>(tile, chunk),
        if shape.has_int4 {
            region::<i8>(chunk, hidden)
        } else {
            0
        },
    ]);
    let output = sum([
        scales,
        region::<i8>(rows, inner),
        sums,
        match (shape.has_int4, tile) {
            (false, _) => 0,
            (true, 0..16) => slab,
            (true, _) => expansion_bytes(shape, tile, inner),
        },
    ]);
    max(attention_output, max(intermediate, output))
}

/// A block of tokens before a residual connection: int8 inputs, and what a dense layer makes of
/// them.
struct RowBlock<'s> {
    scales: &'s mut [RowScale],
    /// `[block x width]`.
    values: &'s mut [i8],
    sums: &'s mut [i32],
    width: usize,
}

impl<'s> RowBlock<'s> {
    /// Inputs of `width` channels, with whatever the memory holds.
    fn take(arena: &mut Arena<'s>, pass: &Pass<'_>, width: usize) -> Result<Self, OutOfScratch> {
        let rows = pass.tiling.row_block;
        Ok(RowBlock {
            scales: arena.take(rows)?,
            values: arena.take(rows * width)?,
            sums: arena.take(rows * pass.shape.hidden_blocks())?,
            width,
        })
    }

    /// A dense layer and the residual connection around it.
    fn project(
        self,
        pass: &Pass<'_>,
        linear: &Linear<'_>,
        residual: &Residual<'_>,
        rows: Range<usize>,
        hidden: &mut Hidden<'_>,
        spare: Arena<'_>,
    ) -> Result<(), OutOfScratch> {
        let (width, columns) = (self.width, linear.weights.columns);
        let input = Activations {
            values: self.values.get(..rows.len() * width).unwrap_or_default(),
            width,
            rows: self.scales.get(..rows.len()).unwrap_or_default(),
        };
        dense(pass.set, &input, linear, 0, self.sums, columns, spare)?;
        residual.add(pass, self.sums, linear.unit, rows, hidden);
        Ok(())
    }
}

fn attention_output(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    [kept, rest]: [&Context<'_>; 2],
    residual: &Residual<'_>,
    rows: Range<usize>,
    hidden: &mut Hidden<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let width = pass.shape.attention_blocks();
    let block = RowBlock::take(&mut arena, pass, width)?;
    let lines = block.values.chunks_exact_mut(width).zip(&mut *block.scales);
    for (row, (out, scale)) in rows.clone().zip(lines) {
        let heads = kept.row(row).chain(rest.row(row));
        *scale = attention::rescale_heads(pass.set, heads, out);
    }
    let linear = &layer.attention_output;
    block.project(pass, linear, residual, rows, hidden, arena)
}

/// The intermediate states of a block of tokens while they are computed.
struct Activated<'s> {
    scales: &'s mut [RowScale],
    /// `[block x intermediate]` after a spare block; over both, in the end, the same in int8.
    values: &'s mut [i16],
    /// `[tile x chunk]`.
    chunk: &'s mut [i32],
}

impl<'s> Activated<'s> {
    fn take(arena: &mut Arena<'s>, pass: &Pass<'_>) -> Result<Self, OutOfScratch> {
        let (tiling, shape) = (pass.tiling, pass.shape);
        let rows = tiling.row_block;
        Ok(Activated {
            scales: arena.take(rows)?,
            values: arena.take(BLOCK + rows * shape.intermediate_blocks())?,
            chunk: arena.take(tiling.tile * ffn_block(shape, tiling.tile))?,
        })
    }
}

/// Dense layer and activation, then int8 with a zero point: GELU's range is one-sided. Leaves
/// what [`output`] takes.
///
/// Kept apart: the products around it need not have its variables on their stack.
#[inline(never)]
fn intermediate(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    hidden: &Hidden<'_>,
    rows: Range<usize>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let block = Activated::take(&mut arena, pass)?;
    let linear = &layer.intermediate;
    let width = linear.weights.columns;
    let most = ffn_block(pass.shape, pass.tiling.tile);
    let activated = block.values.get_mut(BLOCK..).unwrap_or_default();
    for first in (0..width).step_by(most) {
        let channels = first..width.min(first + most);
        let (set, chunk) = (pass.set, channels.len());
        let columns = Columns::take(set, linear, channels.clone(), arena.phase())?;
        let lines = activated.chunks_mut(pass.tiling.tile * width);
        for (tile, out) in pass.tiles(rows.clone()).zip(lines) {
            let count = tile.len();
            columns.multiply(set, &hidden.activations(tile), block.chunk);
            let lines = block.chunk.chunks_exact(chunk);
            for (sums, out) in lines.zip(out.chunks_exact_mut(width)).take(count) {
                let out = out.get_mut(channels.clone()).unwrap_or_default();
                set.activate(pass.activation, layer.fraction_bits, sums, out);
            }
        }
    }
    for (row, scale) in (0..rows.len()).zip(block.scales) {
        let row = row * width..(row + 1) * width;
        *scale = quantize(pass, linear.unit, row, block.values);
    }
    Ok(())
}

/// Quantizes a row, elements `row` of the activated ones, in place.
///
/// int8 takes half the room and starts a block ahead: in stretches, each as long as what lies
/// before it, no number is overwritten that is yet to be read.
fn quantize(pass: &Pass<'_>, unit: f32, row: Range<usize>, activated: &mut [i16]) -> RowScale {
    let numbers = activated.get(BLOCK + row.start..BLOCK + row.end);
    let (low, high) = pass.set.range_activated(numbers.unwrap_or_default());
    let range = (high - low) as f32;
    let largest = low.unsigned_abs().max(high.unsigned_abs());
    let narrow = Requantizer::new(largest, 254.0 / range);
    let zero_point = -127 - narrow.apply(low);
    let mut first = row.start;
    while first < row.end {
        let (before, rest) = activated.split_at_mut(BLOCK + first);
        let before: &mut [i8] = bytemuck::cast_slice_mut(before);
        let end = row.end.min(before.len());
        let numbers = rest.get(..end - first).unwrap_or_default();
        let out = before.get_mut(first..end).unwrap_or_default();
        pass.set
            .quantize_activated(numbers, narrow, zero_point, out);
        first = end;
    }
    RowScale {
        scale: range / 254.0 * unit,
        zero_point,
    }
}

/// The second dense layer, of what [`intermediate`] has left at the front of the same memory.
fn output(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    residual: &Residual<'_>,
    rows: Range<usize>,
    hidden: &mut Hidden<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let block = RowBlock::take(&mut arena, pass, pass.shape.intermediate_blocks())?;
    block.project(pass, &layer.output, residual, rows, hidden, arena)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Hidden;
    use crate::{Header, Plan, kernels::InstructionSet, text::Token};

    /// The plan counts exactly what is taken: not a byte is left.
    #[test]
    fn the_planned_region_is_taken_whole() {
        let blob = include_bytes!("../../../tests/data/tiny.embert");
        let mut shape = Header::read(blob).expect("a blob").shape;
        for (hidden, intermediate, tokens, tile) in [(14, 20, 19, 4), (32, 7, 16, 1), (2, 99, 3, 9)]
        {
            (shape.hidden, shape.intermediate) = (hidden, intermediate);
            let plan = Plan::new(&shape, tokens, tile, 1);
            let pass = Pass {
                set: InstructionSet::SCALAR,
                shape: &shape,
                activation: crate::Activation::Relu,
                tiling: plan.tiling(),
                workers: crate::Workers::ONE,
                tokens,
            };
            let regions = plan.regions();
            let bytes = regions.tokens + regions.hidden + regions.feed_forward;
            let mut memory = vec![0u128; bytes / 16];
            let mut arena = Arena::new(bytemuck::cast_slice_mut(&mut memory));
            assert!(arena.take::<Token>(tokens).is_ok());
            assert!(Hidden::take(&mut arena, tokens, shape.hidden_blocks()).is_ok());
            assert_eq!(arena.len(), regions.feed_forward);
            let mut rests = [0; 3];
            for (rest, take) in rests.iter_mut().zip([
                |arena: &mut Arena<'_>, pass: &Pass<'_>| {
                    RowBlock::take(arena, pass, pass.shape.attention_blocks()).map(drop)
                },
                |arena: &mut Arena<'_>, pass: &Pass<'_>| Activated::take(arena, pass).map(drop),
                |arena: &mut Arena<'_>, pass: &Pass<'_>| {
                    RowBlock::take(arena, pass, pass.shape.intermediate_blocks()).map(drop)
                },
            ]) {
                let mut arena = arena.phase();
                assert!(take(&mut arena, &pass).is_ok());
                *rest = arena.len();
            }
            assert_eq!(rests.into_iter().min(), Some(0));
        }
    }
}
