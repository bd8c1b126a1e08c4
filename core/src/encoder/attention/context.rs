//! The context: what every token drew from the others.

use crate::kernels::{Heads, InstructionSet, RowScale};
use crate::memory::{Arena, OutOfScratch};
use crate::shape::Shape;
use crate::workers::Divisible;
use core::ops::Range;

/// `[heads x tokens x head size]` in int8, with one scale per head and token; or some heads of it.
///
/// Heads are computed one after the other, or by several workers, so that a scale common to all
/// of a token's heads, which the next matrix wants, is known only at the end: [`Context::row`]
/// brings them to it.
pub struct Context<'s> {
    first: usize,
    values: &'s mut [i8],
    scales: &'s mut [f32],
    tokens: usize,
    head_width: usize,
}

impl<'s> Context<'s> {
    pub fn take(arena: &mut Arena<'s>, shape: &Shape, tokens: usize) -> Result<Self, OutOfScratch> {
        Ok(Context {
            first: 0,
            values: arena.take(tokens * shape.attention_blocks())?,
            scales: arena.take(tokens * shape.heads)?,
            tokens,
            head_width: shape.head_blocks(),
        })
    }

    /// All of it once more.
    pub fn whole(&mut self) -> Context<'_> {
        Context {
            values: self.values,
            scales: self.scales,
            ..*self
        }
    }

    /// The heads that are here.
    pub fn heads(&self) -> Range<usize> {
        self.first..self.first + self.scales.len() / self.tokens.max(1)
    }

    /// Sets one head of tokens from `row` on, from sums each in units of its own.
    pub fn set(
        &mut self,
        set: InstructionSet,
        row: usize,
        head: usize,
        sums: &[i32],
        units: &[f32],
    ) {
        let (index, width) = (
            head.wrapping_sub(self.first) * self.tokens + row,
            self.head_width,
        );
        let rows = sums.len() / width.max(1);
        if let (Some(values), Some(scales)) = (
            self.values.get_mut(index * width..(index + rows) * width),
            self.scales.get_mut(index..index + rows),
        ) {
            let out = Heads {
                heads: 1,
                values,
                scales,
                capacity: rows,
                unit: 1.0,
            };
            set.quantize_heads(sums, width, out);
            for (scale, unit) in scales.iter_mut().zip(units) {
                *scale *= unit;
            }
        }
    }

    /// Writes one token's context to `out`, all heads in the scale of the largest.
    pub fn row(&self, set: InstructionSet, row: usize, out: &mut [i8]) -> RowScale {
        let scales = self.scales.iter().skip(row).step_by(self.tokens);
        let largest = scales.clone().fold(0.0f32, |m, &s| m.max(s));
        let heads = out.chunks_exact_mut(self.head_width).zip(scales);
        for (head, (out, scale)) in heads.enumerate() {
            let start = (head * self.tokens + row) * self.head_width;
            let values = self.values.get(start..start + self.head_width);
            let ratio = (scale / largest * 32767.0) as i16;
            set.scale_down(values.unwrap_or_default(), ratio, out);
        }
        RowScale {
            scale: largest,
            zero_point: 0,
        }
    }
}

impl Divisible for Context<'_> {
    fn split_at(self, middle: usize) -> (Self, Self) {
        let rows = middle * self.tokens;
        let (values, values_rest) = self.values.split_at_mut(rows * self.head_width);
        let (scales, scales_rest) = self.scales.split_at_mut(rows);
        let part = |first, values, scales| Context {
            first,
            values,
            scales,
            tokens: self.tokens,
            head_width: self.head_width,
        };
        (
            part(self.first, values, scales),
            part(self.first + middle, values_rest, scales_rest),
        )
    }
}
