//! Multi-head self-attention (Vaswani et al., arXiv 1706.03762, section 3.2).
//!
//! One head at a time: its keys and values for all tokens, then a tile of queries after the
//! other. So the memory holds the keys and values of a single head, and of the scores only a
//! tile of rows.

mod cache;
mod context;

pub use context::Context;

use super::Pass;
use super::hidden::Hidden;
use crate::blob::{Layer, Linear};
use crate::fixed::{Factor, Narrow};
use crate::kernels::{InstructionSet, SoftmaxScales, VALUE_SCALE_ONE};
use crate::memory::{Arena, OutOfScratch};
use crate::shape::blocks;
use cache::{Cache, Filled};
use core::ops::Range;

/// A tile of queries and what becomes of them.
struct Tile<'s> {
    /// Queries, keys, values or sums of the context before they are quantized.
    projection: &'s mut [i32],
    quantized: &'s mut [i8],
    scales: &'s mut [f32],
    scores: &'s mut [i32],
    weights: &'s mut [i8],
}

impl<'s> Tile<'s> {
    fn take(arena: &mut Arena<'s>, pass: &Pass<'_>) -> Result<Self, OutOfScratch> {
        let (rows, width) = (pass.plan.tile, pass.shape.head_blocks());
        let keys = blocks(pass.plan.tokens);
        Ok(Tile {
            projection: arena.take(rows * width)?,
            quantized: arena.take(rows * width)?,
            scales: arena.take(rows)?,
            scores: arena.take(rows * keys)?,
            weights: arena.take(rows * keys)?,
        })
    }

    /// One head of a dense layer for `rows`, quantized token by token.
    fn project(
        &mut self,
        pass: &Pass<'_>,
        layer: &Linear<'_>,
        hidden: &Hidden<'_>,
        rows: Range<usize>,
        head: usize,
    ) {
        let width = pass.shape.head_blocks();
        let input = hidden.activations(rows);
        pass.set
            .linear(&input, layer, head * width, self.projection, width);
        let outputs = self
            .quantized
            .chunks_exact_mut(width)
            .zip(self.scales.iter_mut());
        let sums = self.projection.chunks_exact(width).take(input.rows.len());
        for (sums, (quantized, scale)) in sums.zip(outputs) {
            *scale = quantize_symmetric(pass.set, sums, quantized) * layer.unit;
        }
    }

    /// What [`project`](Self::project) has left of `rows` rows: their numbers and their scales.
    fn projected(&self, rows: usize, width: usize) -> (&[i8], &[f32]) {
        let values = self.quantized.get(..rows * width).unwrap_or_default();
        (values, self.scales.get(..rows).unwrap_or_default())
    }
}

/// Computes the heads in `context` for the first `rows` of the pass's tokens.
pub fn attend(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    hidden: &Hidden<'_>,
    rows: usize,
    mut context: Context<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let (plan, width) = (pass.plan, pass.shape.head_blocks());
    let mut cache = Cache::take(&mut arena, pass.shape, plan.tokens, pass.tokens)?;
    let mut tile = Tile::take(&mut arena, pass)?;

    for head in context.heads() {
        cache.clear();
        for rows in pass.tiles(0..pass.tokens) {
            tile.project(pass, &layer.key, hidden, rows.clone(), head);
            let (keys, scales) = tile.projected(rows.len(), width);
            cache.set_keys(rows.start, keys, scales);
            tile.project(pass, &layer.value, hidden, rows.clone(), head);
            let (values, scales) = tile.projected(rows.len(), width);
            cache.set_values(pass.set, rows.start, values, scales);
        }
        let filled = cache.fill();
        for rows in pass.tiles(0..rows) {
            tile.project(pass, &layer.query, hidden, rows.clone(), head);
            mix(pass, &filled, rows, head, &mut tile, &mut context);
        }
    }
    Ok(())
}

/// Scaled dot-product attention of the tile's queries: `softmax(q k / sqrt(d)) v`.
fn mix(
    pass: &Pass<'_>,
    cache: &Filled<'_>,
    rows: Range<usize>,
    head: usize,
    tile: &mut Tile<'_>,
    context: &mut Context<'_>,
) {
    let (width, keys) = (cache.keys.depth, cache.keys.columns);
    let count = rows.len();
    let queries = tile.quantized.get(..count * width).unwrap_or_default();
    pass.set.matmul(queries, &cache.keys, tile.scores, keys);

    // int8 times int8 over the head's channels, in 30 bits.
    let shift = (127 * 127 * width as u32).leading_zeros().saturating_sub(2);
    let root = libm::sqrtf(pass.shape.head_size() as f32);
    let lines = tile
        .scores
        .chunks_exact_mut(keys)
        .zip(tile.weights.chunks_exact_mut(keys));
    for ((scores, weights), scale) in lines.take(count).zip(tile.scales.iter_mut()) {
        let scores = scores.get_mut(..pass.tokens).unwrap_or_default();
        // Multipliers of keys halve: Q31 with 2^30 for one. Exponents have 11 fraction bits.
        let step = *scale * cache.key_scale * core::f32::consts::LOG2_E / root;
        let exponent = Factor::new(step * (1u32 << 12) as f32 / (1u32 << shift) as f32);
        let scales = SoftmaxScales {
            shift,
            keys: cache.key_multipliers,
            exponent,
            values: cache.value_multipliers,
        };
        let sum = pass.set.softmax(scores, &scales, weights);
        // A weight of 255 stands for 32767 / sum: 7 bits less, and VALUE_SCALE_ONE for one.
        let weight = (1u32 << 22) as f32 / VALUE_SCALE_ONE as f32 / sum as f32;
        *scale = weight * cache.value_scale;
    }

    let weights = tile.weights.get(..count * keys).unwrap_or_default();
    pass.set
        .matmul(weights, &cache.values, tile.projection, width);
    let sums = tile
        .projection
        .chunks_exact_mut(width)
        .zip(tile.scales.iter());
    for (row, (sums, &unit)) in rows.zip(sums) {
        // Weights are stored less 128.
        for (sum, &total) in sums.iter_mut().zip(cache.value_sums) {
            *sum = sum.wrapping_add(total.wrapping_mul(128));
        }
        context.set(pass.set, row, head, sums, unit);
    }
}

/// int8 numbers of a row with the largest at 127; returns what one step stands for.
fn quantize_symmetric(set: InstructionSet, row: &[i32], out: &mut [i8]) -> f32 {
    let largest = set.max_abs(row);
    set.quantize(row, Narrow::new(largest, 127.0 / largest as f32), out);
    largest as f32 / 127.0
}

fn largest(scales: &[f32]) -> f32 {
    scales.iter().fold(0.0, |m, &s| m.max(s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, memory::Plan};

    /// The plan counts exactly what is taken: not a byte is left.
    #[test]
    fn the_planned_region_is_taken_whole() {
        let blob = include_bytes!("../../../../tests/data/tiny.embert");
        let mut shape = Header::read(blob).expect("a blob").shape;
        for (heads, size, tokens, tile) in [(2, 7, 19, 4), (3, 16, 16, 1), (1, 33, 3, 16)] {
            (shape.heads, shape.hidden) = (heads, heads * size);
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
            let mut memory = vec![0u128; (regions.context + regions.attention) / 16];
            let mut arena = Arena::new(bytemuck::cast_slice_mut(&mut memory));
            assert!(Context::take(&mut arena, &shape, tokens).is_ok());
            assert_eq!(arena.len(), regions.attention);
            assert!(Cache::take(&mut arena, &shape, tokens, tokens).is_ok());
            assert!(Tile::take(&mut arena, &pass).is_ok());
            assert!(arena.is_empty());
        }
    }
}
