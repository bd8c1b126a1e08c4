//! The context: what every token drew from the others.

use super::quantize_symmetric;
use crate::kernels::{InstructionSet, RowScale};
use crate::memory::{Arena, OutOfScratch};
use crate::shape::Shape;

/// `[tokens x heads x head size]` in int8, with one scale per token and head.
///
/// Heads are computed one after the other, so that a scale common to all of a token's heads,
/// which the next matrix wants, is known only at the end: [`Context::row`] brings them to it.
pub struct Context<'s> {
    values: &'s mut [i8],
    scales: &'s mut [f32],
    heads: usize,
    head_width: usize,
}

impl<'s> Context<'s> {
    pub fn take(arena: &mut Arena<'s>, shape: &Shape, tokens: usize) -> Result<Self, OutOfScratch> {
        Ok(Context {
            values: arena.take(tokens * shape.attention_blocks())?,
            scales: arena.take(tokens * shape.heads)?,
            heads: shape.heads,
            head_width: shape.head_blocks(),
        })
    }

    /// Sets one head of one token from sums in units of `unit`.
    pub fn set(&mut self, set: InstructionSet, row: usize, head: usize, sums: &[i32], unit: f32) {
        let index = row * self.heads + head;
        let start = index * self.head_width;
        if let (Some(values), Some(scale)) = (
            self.values.get_mut(start..start + self.head_width),
            self.scales.get_mut(index),
        ) {
            *scale = quantize_symmetric(set, sums, values) * unit;
        }
    }

    /// Writes one token's context to `out`, all heads in the scale of the largest.
    pub fn row(&self, set: InstructionSet, row: usize, out: &mut [i8]) -> RowScale {
        let scales = self
            .scales
            .get(row * self.heads..(row + 1) * self.heads)
            .unwrap_or_default();
        let largest = super::largest(scales);
        let width = self.heads * self.head_width;
        let values = self
            .values
            .get(row * width..(row + 1) * width)
            .unwrap_or_default();
        let heads = values
            .chunks_exact(self.head_width)
            .zip(out.chunks_exact_mut(self.head_width));
        for ((values, out), scale) in heads.zip(scales) {
            set.scale_down(values, (scale / largest * 32767.0) as i16, out);
        }
        RowScale {
            scale: largest,
            zero_point: 0,
        }
    }
}
