//! What follows attention in a layer: output projection, feed-forward network, and the two
//! residual connections with LayerNorm (section 3; arXiv 1706.03762, sections 3.1 and 3.3).
//!
//! A tile of tokens at a time goes through all of it, so that intermediate states exist for a
//! few tokens only.

use super::Pass;
use super::attention::Context;
use super::hidden::Hidden;
use crate::blob::{Layer, Linear, Norm};
use crate::fixed::Narrow;
use crate::kernels::{Activations, RowScale};
use crate::memory::{Arena, OutOfScratch, chunk};
use core::ops::Range;

/// A tile of rows between the matrices.
struct Tile<'s> {
    sums: &'s mut [i32],
    context: &'s mut [i8],
    scales: &'s mut [RowScale],
    chunk: &'s mut [i32],
    activated: &'s mut [i16],
    intermediate: &'s mut [i8],
}

impl<'s> Tile<'s> {
    fn take(arena: &mut Arena<'s>, pass: &Pass<'_>) -> Result<Self, OutOfScratch> {
        let (rows, shape) = (pass.plan.tile, pass.shape);
        Ok(Tile {
            sums: arena.take(rows * shape.hidden_blocks())?,
            context: arena.take(rows * shape.attention_blocks())?,
            scales: arena.take(rows)?,
            chunk: arena.take(rows * chunk(rows))?,
            activated: arena.take(rows * shape.intermediate_blocks())?,
            intermediate: arena.take(rows * shape.intermediate_blocks())?,
        })
    }
}

/// Finishes a layer for the tokens in `hidden`, which held the layer's input, come out of
/// `input_norm`, and holds its output.
pub fn transform(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    input_norm: &Norm<'_>,
    context: &Context<'_>,
    mut hidden: Hidden<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let mut tile = Tile::take(&mut arena, pass)?;
    for rows in pass.tiles(hidden.rows()) {
        attention_output(pass, layer, context, rows.clone(), &mut tile);
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
    context: &Context<'_>,
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
        *scale = context.row(pass.set, row, out);
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
    for first in (0..width).step_by(most) {
        let chunk = most.min(width - first);
        pass.set.linear(&input, linear, first, tile.chunk, chunk);
        let lines = tile
            .chunk
            .chunks_exact(chunk)
            .zip(tile.activated.chunks_exact_mut(width));
        for (sums, out) in lines.take(rows.len()) {
            let out = out.get_mut(first..first + chunk).unwrap_or_default();
            pass.set
                .activate(pass.activation, layer.fraction_bits, sums, out);
        }
    }
    let lines = tile
        .activated
        .chunks_exact(width)
        .zip(tile.intermediate.chunks_exact_mut(width));
    for ((row, out), scale) in lines.take(rows.len()).zip(tile.scales.iter_mut()) {
        let (low, high) = pass.set.range_activated(row);
        let range = (high - low) as f32;
        let largest = low.unsigned_abs().max(high.unsigned_abs());
        let narrow = Narrow::new(largest, 254.0 / range);
        let zero_point = -127 - narrow.apply(low);
        pass.set.quantize_activated(row, narrow, zero_point, out);
        *scale = RowScale {
            scale: range / 254.0 * linear.unit,
            zero_point,
        };
    }
}

fn output(pass: &Pass<'_>, layer: &Layer<'_>, rows: Range<usize>, tile: &mut Tile<'_>) {
    let linear = &layer.output;
    let width = linear.weights.depth;
    let input = Activations {
        values: tile
            .intermediate
            .get(..rows.len() * width)
            .unwrap_or_default(),
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
