//! Multi-head self-attention (Vaswani et al., arXiv 1706.03762, section 3.2).
//!
//! One head at a time: its keys and values for all tokens, then a block of queries after the
//! other. So the memory holds the keys and values of a single head, and of the scores only a
//! tile of rows. Where memory counts, what follows attention mixes the last head itself, a block
//! at a time, so that its context needs no more memory than that.

mod cache;
mod context;

pub use cache::Cache;
pub use context::{Context, rescale_heads};

use super::Pass;
use super::dense::dense;
use super::dense::expansion_bytes;
use super::hidden::Hidden;
use super::tiling::{head_group, row_block};
use crate::blob::{Layer, Linear};
use crate::fixed::FixedMultiplier;
use crate::kernels::{Heads, SoftmaxScales, VALUE_SCALE_ONE};
use crate::memory::{Arena, OutOfScratch, region, sum};
use crate::shape::{Shape, blocks};
use cache::Filled;
use core::ops::Range;

/// A block of queries and what becomes of them.
struct RowBlock<'s> {
    /// Queries, keys or values of a group of heads, `[block x heads x head size]`, or sums of one
    /// head's context, `[tile x head size]`, before they are quantized.
    projection: &'s mut [i32],
    /// `[heads x block x head size]`.
    quantized: &'s mut [i8],
    /// `[heads x block]`.
    scales: &'s mut [f32],
    /// `[tile x tokens]`.
    scores: &'s mut [i32],
    /// `[tile x tokens]`.
    weights: &'s mut [i8],
    rows: usize,
    width: usize,
}

/// Bytes of a row block of queries.
pub const fn row_block_bytes(shape: &Shape, tile: usize, tokens: usize) -> usize {
    let (rows, keys) = (row_block(shape, tile), blocks(tokens));
    let heads = head_group(shape, tile);
    let width = heads.saturating_mul(shape.head_blocks());
    sum([
        expansion_bytes(shape, tile, shape.hidden_blocks()),
        region::<i32>(rows, width),
        region::<i8>(rows, width),
        region::<f32>(rows, heads),
        region::<i32>(tile, keys),
        region::<i8>(tile, keys),
    ])
}

impl<'s> RowBlock<'s> {
    fn take(arena: &mut Arena<'s>, pass: &Pass<'_>, heads: usize) -> Result<Self, OutOfScratch> {
        let (rows, width) = (pass.tiling.row_block, pass.shape.head_blocks());
        let keys = blocks(pass.tiling.tokens);
        Ok(RowBlock {
            projection: arena.take(rows * heads * width)?,
            quantized: arena.take(rows * heads * width)?,
            scales: arena.take(rows * heads)?,
            scores: arena.take(pass.tiling.tile * keys)?,
            weights: arena.take(pass.tiling.tile * keys)?,
            rows,
            width,
        })
    }

    /// Some heads of a dense layer for `rows`, quantized token by token; `spare` is for [`dense`].
    fn project(
        &mut self,
        pass: &Pass<'_>,
        layer: &Linear<'_>,
        hidden: &Hidden<'_>,
        rows: Range<usize>,
        heads: Range<usize>,
        spare: Arena<'_>,
    ) -> Result<(), OutOfScratch> {
        let (width, all) = (self.width, heads.len() * self.width);
        let input = hidden.activations(rows);
        let (first, sums) = (heads.start * width, &mut *self.projection);
        dense(pass.set, &input, layer, first, sums, all, spare)?;
        let sums = self.projection.get(..input.rows.len() * all);
        let out = Heads {
            heads: heads.len(),
            values: self.quantized,
            scales: self.scales,
            capacity: self.rows,
            unit: layer.unit,
        };
        pass.set
            .quantize_heads(sums.unwrap_or_default(), width, out);
        Ok(())
    }

    /// What [`project`](Self::project) has left of `rows` rows of the group's head `index`: their
    /// numbers and their scales.
    fn projected(&self, index: usize, rows: usize) -> (&[i8], &[f32]) {
        let first = index * self.rows;
        let values = first * self.width..(first + rows) * self.width;
        (
            self.quantized.get(values).unwrap_or_default(),
            self.scales.get(first..first + rows).unwrap_or_default(),
        )
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
    let (all, group) = (context.heads(), head_group(pass.shape, pass.tiling.tile));
    for first in all.clone().step_by(group) {
        let heads = first..all.end.min(first + group);
        let mut arena = arena.phase();
        let cache = keys_and_values(pass, layer, hidden, heads, &mut arena)?;
        for rows in pass.row_blocks(0..rows) {
            let arena = arena.phase();
            attend_rows(pass, layer, hidden, rows, &cache, &mut context, arena)?;
        }
    }
    Ok(())
}

/// Keys and values of the head whose context is not kept, if there is one: what [`attend_rows`] takes.
pub fn last_head<'s>(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    hidden: &Hidden<'_>,
    arena: &mut Arena<'s>,
) -> Result<Option<Cache<'s>>, OutOfScratch> {
    let heads = pass.tiling.kept_heads..pass.shape.heads;
    if heads.is_empty() {
        return Ok(None);
    }
    keys_and_values(pass, layer, hidden, heads, arena).map(Some)
}

/// Keys and values of `heads` for all tokens.
fn keys_and_values<'s>(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    hidden: &Hidden<'_>,
    heads: Range<usize>,
    arena: &mut Arena<'s>,
) -> Result<Cache<'s>, OutOfScratch> {
    let (planned, tokens) = (pass.tiling.tokens, pass.tokens);
    let mut cache = Cache::take(arena, pass.shape, heads.clone(), planned, tokens)?;
    let mut arena = arena.phase();
    let mut block = RowBlock::take(&mut arena, pass, heads.len())?;
    for rows in pass.row_blocks(0..tokens) {
        let mut project = |layer, block: &mut RowBlock<'_>| {
            let (rows, heads) = (rows.clone(), heads.clone());
            block.project(pass, layer, hidden, rows, heads, arena.phase())
        };
        project(&layer.key, &mut block)?;
        for index in 0..heads.len() {
            let (keys, scales) = block.projected(index, rows.len());
            cache.head(index).set_keys(rows.start, keys, scales);
        }
        project(&layer.value, &mut block)?;
        for index in 0..heads.len() {
            let (values, scales) = block.projected(index, rows.len());
            let mut head = cache.head(index);
            head.set_values(pass.set, rows.start, values, scales);
        }
    }
    for index in 0..heads.len() {
        cache.fill(index);
    }
    Ok(cache)
}

/// Attention of a block of `rows` in `hidden` to all tokens, by the heads in `cache`, to `context`.
pub fn attend_rows(
    pass: &Pass<'_>,
    layer: &Layer<'_>,
    hidden: &Hidden<'_>,
    rows: Range<usize>,
    cache: &Cache<'_>,
    context: &mut Context<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let heads = cache.heads();
    let mut block = RowBlock::take(&mut arena, pass, heads.len())?;
    let (queries, all) = (rows.clone(), heads.clone());
    block.project(pass, &layer.query, hidden, queries, all, arena.phase())?;
    for (index, head) in heads.enumerate() {
        let keys = cache.filled(index);
        for tile in pass.tiles(rows.clone()) {
            let place = index * block.rows + tile.start - rows.start;
            attend_head(pass, &keys, tile, place, head, &mut block, context);
        }
    }
    Ok(())
}

/// Scaled dot-product attention of a tile's queries of one head, which begin at row `first` of the
/// block's: `softmax(q k / sqrt(d)) v`.
fn attend_head(
    pass: &Pass<'_>,
    cache: &Filled<'_>,
    rows: Range<usize>,
    first: usize,
    head: usize,
    block: &mut RowBlock<'_>,
    context: &mut Context<'_>,
) {
    let (width, keys) = (cache.keys.depth, cache.keys.columns);
    let count = rows.len();
    let queries = first * width..(first + count) * width;
    let queries = block.quantized.get(queries).unwrap_or_default();
    pass.set.matmul(queries, &cache.keys, block.scores, keys);
    let scales = block.scales.get_mut(first..).unwrap_or_default();

    // int8 times int8 over the head's channels, in 30 bits.
    let shift = (127 * 127 * width as u32).leading_zeros().saturating_sub(2);
    let root = libm::sqrtf(pass.shape.head_size() as f32);
    let lines = block
        .scores
        .chunks_exact_mut(keys)
        .zip(block.weights.chunks_exact_mut(keys));
    for ((scores, weights), scale) in lines.take(count).zip(scales.iter_mut()) {
        let scores = scores.get_mut(..pass.tokens).unwrap_or_default();
        // Multipliers of keys halve: Q31 with 2^30 for one. Exponents have 11 fraction bits.
        let step = *scale * cache.key_scale * core::f32::consts::LOG2_E / root;
        let exponent = FixedMultiplier::new(step * (1u32 << 12) as f32 / (1u32 << shift) as f32);
        let softmax = SoftmaxScales {
            shift,
            keys: cache.key_multipliers,
            exponent,
            values: cache.value_multipliers,
        };
        let sum = pass.set.softmax(scores, &softmax, weights);
        // A weight of 255 stands for 32767 / sum: 7 bits less, and VALUE_SCALE_ONE for one.
        let weight = (1u32 << 22) as f32 / VALUE_SCALE_ONE as f32 / sum as f32;
        *scale = weight * cache.value_scale;
    }

    let weights = block.weights.get(..count * keys).unwrap_or_default();
    pass.set
        .matmul(weights, &cache.values, block.projection, width);
    let sums = block
        .projection
        .get_mut(..count * width)
        .unwrap_or_default();
    for sums in sums.chunks_exact_mut(width) {
        for (sum, &offset) in sums.iter_mut().zip(cache.offsets) {
            *sum = sum.wrapping_add(offset);
        }
    }
    context.set(pass.set, rows.start, head, sums, scales);
}

fn largest(scales: &[f32]) -> f32 {
    scales.iter().fold(0.0, |m, &s| m.max(s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Plan, kernels::InstructionSet};

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
                tiling: plan.tiling(),
                workers: crate::Workers::ONE,
                tokens,
            };
            let regions = plan.regions();
            let bytes = regions.context + regions.cache + regions.last_context + regions.attention;
            let mut memory = vec![0u128; bytes / 16];
            let mut arena = Arena::new(bytemuck::cast_slice_mut(&mut memory));
            let kept = plan.kept_heads;
            assert!(Context::take(&mut arena, &shape, 0..kept, 0..tokens).is_ok());
            let group = head_group(&shape, tile);
            assert!(Cache::take(&mut arena, &shape, 0..group, tokens, tokens).is_ok());
            assert_eq!(arena.len(), regions.last_context + regions.attention);
            assert!(Context::take(&mut arena, &shape, kept..heads, 0..tile).is_ok());
            assert_eq!(arena.len(), regions.attention);
            assert!(RowBlock::take(&mut arena, &pass, group).is_ok());
            assert!(arena.is_empty());
        }
    }
}
