//! What follows attention in a layer: output projection, feed-forward network, and the two
//! residual connections with LayerNorm (section 3; arXiv 1706.03762, sections 3.1 and 3.3).
//!
//! A tile of tokens at a time goes through all of it, so that intermediate states exist for a
//! few tokens only. With it goes the context of the head that attention has not kept, if any.

use super::Pass;
use super::attention::{self, Cache, Context};
use super::hidden::Hidden;
use crate::blob::{Layer, Linear, Norm};
use crate::fixed::Narrow;
use crate::kernels::{Activations, RowScale};
use crate::memory::{Arena, OutOfScratch, chunk};
use crate::shape::BLOCK;
use core::ops::Range;

/// A tile of rows between the matrices.
struct Tile<'s> {
    sums: &'s mut [i32],
    context: &'s mut [i8],
    scales: &'s mut [RowScale],
    chunk: &'s mut [i32],
    /// `[tile x intermediate]` after a spare block; over both, once activated, the same in int8.
    activated: &'s mut [i16],
}

impl<'s> Tile<'s> {
    fn take(arena: &mut Arena<'s>, pass: &Pass<'_>) -> Result<Self, OutOfScratch> {
        let (rows, shape) = (pass.plan.tile, pass.shape);
        Ok(Tile {
            sums: arena.take(rows * shape.hidden_blocks())?,
            context: arena.take(rows * shape.attention_blocks())?,
            scales: arena.take(rows)?,
            chunk: arena.take(rows * chunk(rows))?,
            activated: arena.take(BLOCK + rows * shape.intermediate_blocks())?,
        })
    }
}

/// Finishes a layer for the tokens in `hidden`, which held the layer's input, come out of
/// `input_norm`, and holds its output.
///
/// `context` has all heads, or all but that of `last`, whose keys and values are those of the
/// layer's input: its context is drawn from a tile of states just before they are overwritten.
pub fn transform(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    input_norm: &Norm<'_>,
    context: &Context<'_>,
    last: Option<&Cache<'_>>,
    mut hidden: Hidden<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    for rows in pass.tiles(hidden.rows()) {
        let mut arena = arena.phase();
        let heads = pass.plan.kept_heads..pass.shape.heads;
        let mut rest = Context::take(&mut arena, pass.shape, heads, rows.clone())?;
        if let Some(last) = last {
            let (rows, arena) = (rows.clone(), arena.phase());
            attention::mix(pass, layer, &hidden, rows, last, &mut rest, arena)?;
        }
        let mut tile = Tile::take(&mut arena, pass)?;
        attention_output(pass, layer, [context, &rest], rows.clone(), &mut tile);
        add_and_norm(
            pass,
            &layer.attention_output,
            input_norm,
            &layer.attention_norm,
            rows.clone(),
            &mut hidden,
            &mut tile,
        );
        intermediate(pass, layer, &hidden, rows.clone(), &mut tile);
        output(pass, layer, rows.clone(), &mut tile);
        add_and_norm(
            pass,
            &layer.output,
            &layer.attention_norm,
            &layer.output_norm,
            rows,
            &mut hidden,
            &mut tile,
        );
    }
    Ok(())
}

fn attention_output(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    [kept, rest]: [&Context<'_>; 2],
    rows: Range<usize>,
    tile: &mut Tile<'_>,
) {
    let width = pass.shape.attention_blocks();
    let count = rows.len();
    let slots = tile
        .context
        .chunks_exact_mut(width)
        .zip(tile.scales.iter_mut());
    for (row, (out, scale)) in rows.zip(slots) {
        let heads = kept.row(row).chain(rest.row(row));
        *scale = attention::join(pass.set, heads, out);
    }
    let input = Activations {
        values: tile.context.get(..count * width).unwrap_or_default(),
        width,
        rows: tile.scales.get(..count).unwrap_or_default(),
    };
    let linear = &layer.attention_output;
    pass.set
        .linear(&input, linear, 0, tile.sums, linear.weights.columns);
}

/// The residual connection and LayerNorm: `hidden = norm(sums + hidden)`.
fn add_and_norm(
    pass: &Pass<'_>,
    linear: &Linear<'_>,
    residual: &Norm<'_>,
    norm: &Norm<'_>,
    rows: Range<usize>,
    hidden: &mut Hidden<'_>,
    tile: &mut Tile<'_>,
) {
    let width = linear.weights.columns;
    for (row, sums) in rows.zip(tile.sums.chunks_exact_mut(width)) {
        hidden.add_to(pass.set, row, residual, linear.unit, sums);
        hidden.set(pass.set, row, norm, pass.shape.hidden, sums);
    }
}

/// Dense layer and activation, then int8 with a zero point: GELU's range is one-sided.
fn intermediate(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    hidden: &Hidden<'_>,
    rows: Range<usize>,
    tile: &mut Tile<'_>,
) {
    let linear = &layer.intermediate;
    let width = linear.weights.columns;
    let input = hidden.activations(rows.clone());
    let most = chunk(pass.plan.tile);
    let activated = tile.activated.get_mut(BLOCK..).unwrap_or_default();
    for first in (0..width).step_by(most) {
        let chunk = most.min(width - first);
        pass.set.linear(&input, linear, first, tile.chunk, chunk);
        let lines = tile
            .chunk
            .chunks_exact(chunk)
            .zip(activated.chunks_exact_mut(width));
        for (sums, out) in lines.take(rows.len()) {
            let out = out.get_mut(first..first + chunk).unwrap_or_default();
            pass.set
                .activate(pass.activation, layer.fraction_bits, sums, out);
        }
    }
    for (row, scale) in (0..rows.len()).zip(tile.scales.iter_mut()) {
        let row = row * width..(row + 1) * width;
        *scale = quantize(pass, linear.unit, row, tile.activated);
    }
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
    let narrow = Narrow::new(largest, 254.0 / range);
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

fn output(pass: &Pass<'_>, layer: &Layer<'_>, rows: Range<usize>, tile: &mut Tile<'_>) {
    let linear = &layer.output;
    let width = linear.weights.depth;
    let values: &[i8] = bytemuck::cast_slice(tile.activated);
    let input = Activations {
        values: values.get(..rows.len() * width).unwrap_or_default(),
        width,
        rows: tile.scales.get(..rows.len()).unwrap_or_default(),
    };
    pass.set
        .linear(&input, linear, 0, tile.sums, linear.weights.columns);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Hidden;
    use crate::{Header, kernels::InstructionSet, memory::Plan, text::Token};

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
                plan: &plan,
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
            assert!(Tile::take(&mut arena, &pass).is_ok());
            assert!(arena.is_empty());
        }
    }
}
