//! Keys and values of one head for all tokens.

use super::largest;
use crate::blob::Matrix;
use crate::kernels::{InstructionSet, VALUE_SCALE_ONE};
use crate::memory::{Arena, OutOfScratch};
use crate::shape::{BLOCK, Shape, blocks};

/// Keys and values packed as the matrices of the two products, with a scale per token.
pub struct Cache<'s> {
    /// `[tokens x head size]`: scores are queries times keys.
    keys: &'s mut [i8],
    /// `[head size x tokens]`: the context is weights times values.
    values: &'s mut [i8],
    key_scales: &'s mut [f32],
    value_scales: &'s mut [f32],
    value_sums: &'s mut [i32],
    tokens: usize,
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
    /// Sums of the values over all tokens, per channel.
    pub value_sums: &'c [i32],
}

impl<'s> Cache<'s> {
    /// Room for `planned` tokens, laid out for `tokens`.
    pub fn take(
        arena: &mut Arena<'s>,
        shape: &Shape,
        planned: usize,
        tokens: usize,
    ) -> Result<Self, OutOfScratch> {
        let (most, padded, width) = (blocks(planned), blocks(tokens), shape.head_blocks());
        let keys = arena.take(most * width)?;
        let values = arena.take(width * most)?;
        let key_scales = arena.take(most)?;
        let value_scales = arena.take(most)?;
        Ok(Cache {
            keys: keys.get_mut(..padded * width).ok_or(OutOfScratch)?,
            values: values.get_mut(..width * padded).ok_or(OutOfScratch)?,
            key_scales: key_scales.get_mut(..tokens).ok_or(OutOfScratch)?,
            value_scales: value_scales.get_mut(..tokens).ok_or(OutOfScratch)?,
            value_sums: arena.take(width)?,
            tokens,
            width,
        })
    }

    /// Empties the cache for the next head: what no token fills counts as zero.
    pub fn clear(&mut self) {
        self.keys.fill(0);
        self.values.fill(0);
        self.value_sums.fill(0);
    }

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
        let depth = blocks(self.tokens);
        set.pack_values(values, first, depth, self.values, self.value_sums);
        copy_to(self.value_scales, first, scales);
    }

    /// Closes the cache: scales become multipliers relative to the largest, in place.
    pub fn fill(&mut self) -> Filled<'_> {
        let key_scale = largest(self.key_scales);
        for scale in self.key_scales.iter_mut() {
            let multiplier = (*scale / key_scale * (1u32 << 30) as f32) as i32;
            *scale = f32::from_bits(multiplier.min((1 << 30) - 1) as u32);
        }
        let value_scale = largest(self.value_scales);
        for index in 0..self.value_scales.len() {
            let relative = self.value_scales[index] / value_scale;
            // Halves up to `index` lie in scales that have been read.
            let halves: &mut [i16] = bytemuck::cast_slice_mut(self.value_scales);
            halves[index] = (relative * VALUE_SCALE_ONE as f32) as i16;
        }
        let padded = blocks(self.tokens);
        let halves: &[i16] = bytemuck::cast_slice(self.value_scales);
        Filled {
            keys: Matrix {
                data: self.keys,
                columns: padded,
                depth: self.width,
            },
            values: Matrix {
                data: self.values,
                columns: self.width,
                depth: padded,
            },
            key_scale,
            key_multipliers: bytemuck::cast_slice(self.key_scales),
            value_scale,
            value_multipliers: halves.get(..self.tokens).unwrap_or_default(),
            value_sums: self.value_sums,
        }
    }
}

fn copy_to(all: &mut [f32], first: usize, some: &[f32]) {
    if let Some(out) = all.get_mut(first..first + some.len()) {
        out.copy_from_slice(some);
    }
}
