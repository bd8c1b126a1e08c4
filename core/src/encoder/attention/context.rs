//! The context: what every token drew from the others.

use crate::kernels::{Heads, InstructionSet, RowScale};
use crate::memory::{Arena, OutOfScratch, region, sum};
use crate::shape::Shape;
use crate::workers::Divisible;
use core::ops::Range;

/// `[heads x tokens x head size]` in int8, with one scale per head and token; of some heads and
/// tokens.
///
/// Heads are computed one after the other, or by several workers, so that a scale common to all
/// of a token's heads, which the next matrix wants, is known only at the end: [`rescale_heads`] brings
/// them to it.
pub struct Context<'s> {
    first_head: usize,
    first_row: usize,
    values: &'s mut [i8],
    scales: &'s mut [f32],
    rows: usize,
    head_width: usize,
}

impl<'s> Context<'s> {
    /// Bytes that [`take`](Self::take) takes for `heads` heads of `rows` tokens.
    pub const fn bytes(shape: &Shape, heads: usize, rows: usize) -> usize {
        sum([
            region::<i8>(rows, heads.saturating_mul(shape.head_blocks())),
            region::<f32>(rows, heads),
        ])
    }

    /// Room for `heads` of the text's `rows`.
    pub fn take(
        arena: &mut Arena<'s>,
        shape: &Shape,
        heads: Range<usize>,
        rows: Range<usize>,
    ) -> Result<Self, OutOfScratch> {
        let (count, head_width) = (heads.len() * rows.len(), shape.head_blocks());
        Ok(Context {
            first_head: heads.start,
            first_row: rows.start,
            values: arena.take(count * head_width)?,
            scales: arena.take(count)?,
            rows: rows.len(),
            head_width,
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
        self.first_head..self.first_head + self.scales.len() / self.rows.max(1)
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
        let head = head.wrapping_sub(self.first_head);
        let index = head * self.rows + row.wrapping_sub(self.first_row);
        let width = self.head_width;
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

    /// One token's heads that are here, each with its scale.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (&[i8], f32)> + Clone {
        let (row, step) = (row.wrapping_sub(self.first_row), self.rows.max(1));
        let values = self.values.chunks_exact(self.head_width.max(1));
        let scales = self.scales.iter().copied();
        let values = values.skip(row).step_by(step);
        values.zip(scales.skip(row).step_by(step))
    }
}

/// Writes one token's `heads` to `out`, all in the scale of the largest.
pub fn rescale_heads<'c>(
    set: InstructionSet,
    heads: impl Iterator<Item = (&'c [i8], f32)> + Clone,
    out: &mut [i8],
) -> RowScale {
    let largest = heads.clone().fold(0.0f32, |m, (_, scale)| m.max(scale));
    let mut rest = out;
    for (values, scale) in heads {
        let (out, after) = rest.split_at_mut(values.len().min(rest.len()));
        let ratio = (scale / largest * 32767.0) as i16;
        set.scale_down(values, ratio, out);
        rest = after;
    }
    RowScale {
        scale: largest,
        zero_point: 0,
    }
}

impl Divisible for Context<'_> {
    fn split_at(self, middle: usize) -> (Self, Self) {
        let rows = middle * self.rows;
        let (values, values_rest) = self.values.split_at_mut(rows * self.head_width);
        let (scales, scales_rest) = self.scales.split_at_mut(rows);
        let part = |first_head, values, scales| Context {
            first_head,
            first_row: self.first_row,
            values,
            scales,
            rows: self.rows,
            head_width: self.head_width,
        };
        (
            part(self.first_head, values, scales),
            part(self.first_head + middle, values_rest, scales_rest),
        )
    }
}
