//! Hidden states: the residual stream between the blocks of the encoder.
//!
//! Each state is kept in 12 bits with a scale and zero point per token. The upper 8 bits are
//! the int8 input of the next matrix; all 12 serve the residual, which loses too much in 8.

use crate::blob::Norm;
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{Activations, HiddenRow, InstructionSet, RowScale};
use crate::memory::{Arena, OutOfScratch, region, sum};
use crate::workers::Divisible;
use core::ops::Range;

/// The hidden states of a text, or of a stretch of it: `[tokens x width]`.
///
/// Rows are the text's; those outside the stretch are empty.
pub struct Hidden<'s> {
    first: usize,
    high: &'s mut [i8],
    low: &'s mut [u8],
    scales: &'s mut [RowScale],
    width: usize,
}

impl<'s> Hidden<'s> {
    /// Bytes that [`take`](Self::take) takes.
    pub(crate) const fn bytes(tokens: usize, width: usize) -> usize {
        sum([
            region::<i8>(tokens, width),
            region::<u8>(tokens, width / 2),
            region::<RowScale>(1, tokens),
        ])
    }

    pub(crate) fn take(
        arena: &mut Arena<'s>,
        tokens: usize,
        width: usize,
    ) -> Result<Self, OutOfScratch> {
        Ok(Hidden {
            first: 0,
            high: arena.take(tokens * width)?,
            low: arena.take(tokens * width / 2)?,
            scales: arena.take(tokens)?,
            width,
        })
    }

    /// The first `rows` of the text.
    pub fn first_rows(&mut self, rows: usize) -> Hidden<'_> {
        let rows = rows.min(self.scales.len());
        Hidden {
            first: self.first,
            high: self.high.get_mut(..rows * self.width).unwrap_or_default(),
            low: self
                .low
                .get_mut(..rows * self.width / 2)
                .unwrap_or_default(),
            scales: self.scales.get_mut(..rows).unwrap_or_default(),
            width: self.width,
        }
    }

    /// The rows that are here.
    pub fn rows(&self) -> Range<usize> {
        self.first..self.first + self.scales.len()
    }

    /// Rows as int8 input of a matrix.
    pub fn activations(&self, rows: Range<usize>) -> Activations<'_> {
        let rows = rows.start.wrapping_sub(self.first)..rows.end.wrapping_sub(self.first);
        let bytes = rows.start.wrapping_mul(self.width)..rows.end.wrapping_mul(self.width);
        Activations {
            values: self.high.get(bytes).unwrap_or_default(),
            width: self.width,
            rows: self.scales.get(rows).unwrap_or_default(),
        }
    }

    fn row(&self, index: usize) -> HiddenRow<'_> {
        let half = self.width / 2;
        let index = index.wrapping_sub(self.first);
        HiddenRow {
            high: self
                .high
                .get(index * self.width..(index + 1) * self.width)
                .unwrap_or_default(),
            low: self
                .low
                .get(index * half..(index + 1) * half)
                .unwrap_or_default(),
            scale: self.scales.get(index).copied().unwrap_or_default(),
        }
    }

    /// Adds state `index`, which came out of `norm`, to `sums` in units of `unit`: the residual.
    pub fn add_to(
        &self,
        set: InstructionSet,
        index: usize,
        norm: &Norm<'_>,
        unit: f32,
        sums: &mut [i32],
    ) {
        let row = self.row(index);
        // The kernel shifts the 12-bit value left by 17; one step of 12 bits is 1/16 of int8's.
        let step = row.scale.scale / 16.0;
        let factor = FixedMultiplier::new(step * norm.restore_scale / (1u32 << 17) as f32 / unit);
        set.add_hidden(&row, norm.restore, factor, sums);
    }

    /// Sets state `index` to the LayerNorm of `sums`, which it consumes.
    pub fn set(
        &mut self,
        set: InstructionSet,
        index: usize,
        norm: &Norm<'_>,
        hidden: usize,
        sums: &mut [i32],
    ) {
        set.normalize(sums, hidden, norm.gains, norm.epsilon);
        let (low, high) = set.range(sums);
        let range = high.wrapping_sub(low) as u32 as f32;
        let largest = low.unsigned_abs().max(high.unsigned_abs());
        // 254 steps of int8 are 4064 of 12 bits.
        let narrow = Requantizer::new(largest, 4064.0 / range);
        let zero_point = -127 - crate::fixed::round_shift(narrow.apply(low), 4);
        let half = self.width / 2;
        let index = index.wrapping_sub(self.first);
        if let (Some(high), Some(low), Some(scale)) = (
            self.high
                .get_mut(index * self.width..(index + 1) * self.width),
            self.low.get_mut(index * half..(index + 1) * half),
            self.scales.get_mut(index),
        ) {
            set.quantize_hidden(sums, narrow, zero_point, high, low);
            *scale = RowScale {
                scale: range / 254.0 * norm.unit,
                zero_point,
            };
        }
    }
}

impl Divisible for Hidden<'_> {
    fn split_at(self, middle: usize) -> (Self, Self) {
        let (high, high_rest) = self.high.split_at_mut(middle * self.width);
        let (low, low_rest) = self.low.split_at_mut(middle * self.width / 2);
        let (scales, scales_rest) = self.scales.split_at_mut(middle);
        let part = |first, high, low, scales| Hidden {
            first,
            high,
            low,
            scales,
            width: self.width,
        };
        (
            part(self.first, high, low, scales),
            part(self.first + middle, high_rest, low_rest, scales_rest),
        )
    }
}
