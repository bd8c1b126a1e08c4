//! Keys and values for all tokens.

use super::largest;
use crate::blob::{Format, Matrix};
use crate::kernels::{InstructionSet, VALUE_SCALE_ONE};
use crate::memory::{Arena, OutOfScratch, region, sum};
use crate::shape::{BLOCK, Shape, blocks};
use core::ops::Range;

/// Keys and values of a group of heads, packed as the matrices of the two products, with a scale
/// per token.
pub struct Cache<'s> {
    heads: Range<usize>,
    /// `[heads x tokens x head size]`: scores are queries times keys.
    keys: &'s mut [i8],
    /// `[heads x head size x tokens]`: the context is weights times values.
    values: &'s mut [i8],
    key_scales: &'s mut [f32],
    value_scales: &'s mut [f32],
    value_sums: &'s mut [i32],
    /// The largest scale of each head's keys, and of its values.
    largest: &'s mut [[f32; 2]],
    tokens: usize,
    width: usize,
}

/// Keys and values of one head.
pub struct HeadKv<'c> {
    keys: &'c mut [i8],
    values: &'c mut [i8],
    key_scales: &'c mut [f32],
    value_scales: &'c mut [f32],
    value_sums: &'c mut [i32],
    width: usize,
}

/// A full cache, ready for the queries.
pub struct Filled<'c> {
    pub keys: Matrix<'c>,
    pub values: Matrix<'c>,
    /// The largest scale of a key, and each key's relative to it: 2^30 for one.
    pub key_scale: f32,
    pub key_multipliers: &'c [i32],
    /// The largest scale of a value, and each value's relative to it: [`VALUE_SCALE_ONE`] for one.
    pub value_scale: f32,
    pub value_multipliers: &'c [i16],
    /// What the sums of each channel lack, since weights are stored less 128.
    pub offsets: &'c [i32],
}

impl<'s> Cache<'s> {
    /// Bytes that [`take`](Self::take) takes for `heads` heads of `tokens` tokens.
    pub const fn bytes(shape: &Shape, heads: usize, tokens: usize) -> usize {
        let (keys, head) = (blocks(tokens), shape.head_blocks());
        sum([
            region::<i8>(keys, heads.saturating_mul(head)),
            region::<i8>(keys, heads.saturating_mul(head)),
            region::<f32>(heads, keys),
            region::<f32>(heads, keys),
            region::<i32>(heads, head),
            region::<[f32; 2]>(1, heads),
        ])
    }

    /// Room for `heads` of `planned` tokens, laid out for `tokens` and empty: what no token fills
    /// counts as zero.
    pub fn take(
        arena: &mut Arena<'s>,
        shape: &Shape,
        heads: Range<usize>,
        planned: usize,
        tokens: usize,
    ) -> Result<Self, OutOfScratch> {
        let (most, padded, width) = (blocks(planned), blocks(tokens), shape.head_blocks());
        let count = heads.len();
        let keys: &mut [i8] = arena.take(count * most * width)?;
        let values: &mut [i8] = arena.take(count * most * width)?;
        let key_scales = arena.take(count * most)?;
        let value_scales = arena.take(count * most)?;
        let value_sums: &mut [i32] = arena.take(count * width)?;
        let keys = keys.get_mut(..count * padded * width).ok_or(OutOfScratch)?;
        let values = values
            .get_mut(..count * padded * width)
            .ok_or(OutOfScratch)?;
        keys.fill(0);
        values.fill(0);
        value_sums.fill(0);
        Ok(Cache {
            heads,
            keys,
            values,
            key_scales: key_scales.get_mut(..count * tokens).ok_or(OutOfScratch)?,
            value_scales: value_scales.get_mut(..count * tokens).ok_or(OutOfScratch)?,
            value_sums,
            largest: arena.take(count)?,
            tokens,
            width,
        })
    }

    /// The heads that are here.
    pub fn heads(&self) -> Range<usize> {
        self.heads.clone()
    }

    /// Head `index` of the group.
    pub fn head(&mut self, index: usize) -> HeadKv<'_> {
        let (matrix, width) = (blocks(self.tokens) * self.width, self.width);
        HeadKv {
            keys: part_mut(self.keys, index, matrix),
            values: part_mut(self.values, index, matrix),
            key_scales: part_mut(self.key_scales, index, self.tokens),
            value_scales: part_mut(self.value_scales, index, self.tokens),
            value_sums: part_mut(self.value_sums, index, width),
            width,
        }
    }

    /// All tokens of head `index` are there: their scales become multipliers relative to the
    /// largest, and sums of values offsets, in place.
    pub fn fill(&mut self, index: usize) {
        let HeadKv {
            key_scales,
            value_scales,
            value_sums,
            ..
        } = self.head(index);
        for sum in value_sums {
            *sum = sum.wrapping_mul(128);
        }
        let key_scale = largest(key_scales);
        for scale in key_scales.iter_mut() {
            let multiplier = (*scale / key_scale * (1u32 << 30) as f32) as i32;
            *scale = f32::from_bits(multiplier.min((1 << 30) - 1) as u32);
        }
        let value_scale = largest(value_scales);
        for index in 0..value_scales.len() {
            let relative = value_scales[index] / value_scale;
            // Halves up to `index` lie in scales that have been read.
            let halves: &mut [i16] = bytemuck::cast_slice_mut(value_scales);
            halves[index] = (relative * VALUE_SCALE_ONE as f32) as i16;
        }
        if let Some(out) = self.largest.get_mut(index) {
            *out = [key_scale, value_scale];
        }
    }

    /// Head `index` of the group, once it is filled.
    pub fn filled(&self, index: usize) -> Filled<'_> {
        let [key_scale, value_scale] = self.largest.get(index).copied().unwrap_or_default();
        let (tokens, padded, width) = (self.tokens, blocks(self.tokens), self.width);
        let halves: &[i16] = bytemuck::cast_slice(part(self.value_scales, index, tokens));
        Filled {
            keys: Matrix {
                data: part(self.keys, index, padded * width),
                columns: padded,
                depth: width,
                format: Format::Columns,
            },
            values: Matrix {
                data: part(self.values, index, padded * width),
                columns: width,
                depth: padded,
                format: Format::Columns,
            },
            key_scale,
            key_multipliers: bytemuck::cast_slice(part(self.key_scales, index, tokens)),
            value_scale,
            value_multipliers: halves.get(..tokens).unwrap_or_default(),
            offsets: part(self.value_sums, index, width),
        }
    }
}

impl HeadKv<'_> {
    /// Sets the keys of tokens from `first` on, with their scales.
    pub fn set_keys(&mut self, first: usize, keys: &[i8], scales: &[f32]) {
        let depth_blocks = self.width / BLOCK;
        for (row, key) in keys.chunks_exact(self.width).enumerate() {
            let token = first + row;
            for (block, channels) in key.chunks_exact(BLOCK).enumerate() {
                let start =
                    ((token / BLOCK * depth_blocks + block) * BLOCK + token % BLOCK) * BLOCK;
                if let Some(out) = self.keys.get_mut(start..start + BLOCK) {
                    out.copy_from_slice(channels);
                }
            }
        }
        copy_to(self.key_scales, first, scales);
    }

    /// Sets the values of tokens from `first` on, with their scales.
    pub fn set_values(&mut self, set: InstructionSet, first: usize, values: &[i8], scales: &[f32]) {
        let depth = blocks(self.value_scales.len());
        set.pack_values(values, first, depth, self.values, self.value_sums);
        copy_to(self.value_scales, first, scales);
    }
}

/// Part `index` of a slice of equal parts.
fn part<T>(all: &[T], index: usize, len: usize) -> &[T] {
    all.get(index * len..(index + 1) * len).unwrap_or_default()
}

fn part_mut<T>(all: &mut [T], index: usize, len: usize) -> &mut [T] {
    all.get_mut(index * len..(index + 1) * len)
        .unwrap_or_default()
}

fn copy_to(all: &mut [f32], first: usize, some: &[f32]) {
    if let Some(out) = all.get_mut(first..first + some.len()) {
        out.copy_from_slice(some);
    }
}
