//! One piece of work with operands for it.

use crate::random::Random;
use bytemuck::Pod;
use embert::Activation;
use embert::blob::{Format, Linear, Matrix};
use embert::fixed::{FixedMultiplier, Requantizer};
use embert::kernels::{
    Activations, HiddenRow, InstructionSet, RowScale, SoftmaxScales, VALUE_SCALE_ONE,
};
use embert::memory::Arena;
use embert_protocol::{Kernel, Work};

/// What the operands are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Anything, and of every magnitude.
    Random,
    /// The ends of each range, and zero.
    Extreme,
    Zero,
}

impl Numbers {
    pub const ALL: [Self; 3] = [Numbers::Random, Numbers::Extreme, Numbers::Zero];

    fn byte(self, random: &mut Random) -> i8 {
        let r = random.next();
        match (self, r & 3) {
            (Numbers::Random, _) => (r >> 8) as i8,
            (Numbers::Extreme, 0) => i8::MAX,
            (Numbers::Extreme, 1) => 0,
            (Numbers::Extreme, _) => i8::MIN,
            (Numbers::Zero, _) => 0,
        }
    }

    /// A number of at most `bits` bits and a sign.
    fn word(self, random: &mut Random, bits: u32) -> i32 {
        let r = random.next() as i32 >> (31 - bits);
        match (self, random.next() & 3) {
            (Numbers::Random, _) => r,
            (Numbers::Extreme, 0) => i32::MAX >> (31 - bits),
            (Numbers::Extreme, 1) => 0,
            (Numbers::Extreme, _) => i32::MIN >> (31 - bits),
            (Numbers::Zero, _) => 0,
        }
    }
}

/// Operands of a piece of work, and room for its results.
///
/// `rows`, `depth` and `columns` mean what they mean to a matrix product; all else works on
/// `rows` of `columns`, and on each row alone.
pub struct Stage<'m> {
    work: Work,
    /// Columns that a layer skips.
    first: usize,
    /// Matrix inputs, rows of bytes.
    a: &'m [i8],
    /// Weights in blocks, or low bits of hidden states.
    b: &'m [i8],
    /// Rows of integers.
    words: &'m [i32],
    halves: &'m [i16],
    multipliers: &'m [i32],
    column_sums: &'m [i32],
    biases: &'m [i32],
    ratios: &'m [i16],
    scales: &'m [RowScale],
    /// Results, and what is worked on in place.
    out: &'m mut [i32],
    out_halves: &'m mut [i16],
    out_bytes: &'m mut [i8],
    /// Results of rows: sums, ranges.
    returned: &'m mut [i32],
}

impl<'m> Stage<'m> {
    /// Operands of `numbers`; their slices start `offset` elements past an aligned address.
    /// `None` where `memory` is too small.
    pub fn new(
        memory: &'m mut [u8],
        work: &Work,
        numbers: Numbers,
        offset: usize,
        seed: u64,
    ) -> Option<Self> {
        let Work {
            rows,
            depth,
            columns,
            ..
        } = *work;
        let (rows, depth, columns) = (rows as usize, depth as usize, columns as usize);
        let padded = columns.next_multiple_of(16);
        let product = matches!(work.kernel, Kernel::Matmul | Kernel::Linear);
        let (a_len, b_len) = if product {
            (rows * depth, padded * depth)
        } else {
            (rows * padded, rows * padded)
        };
        // A tile has room for more rows than its last ones.
        let spare = if product { 3 * padded } else { 0 };
        let mut random = Random::new(seed);
        let mut arena = Arena::new(memory);

        let a = take::<i8>(&mut arena, a_len, offset)?;
        a.fill_with(|| numbers.byte(&mut random));
        let b = take::<i8>(&mut arena, b_len, offset)?;
        b.fill_with(|| numbers.byte(&mut random));
        let words = take::<i32>(&mut arena, if product { 0 } else { rows * padded }, offset)?;
        let most = match work.kernel {
            // The least number has a magnitude too.
            Kernel::Range | Kernel::MaxAbs => 31,
            // Sums of products of a depth of 65536, and less.
            _ => 30,
        };
        for row in words.chunks_exact_mut(padded.max(1)) {
            let bits = 3 + random.next() % (most - 2);
            row.fill_with(|| numbers.word(&mut random, bits));
        }
        let halves = take::<i16>(&mut arena, words.len(), offset)?;
        halves.fill_with(|| numbers.word(&mut random, 15) as i16);
        let multipliers = take::<i32>(&mut arena, padded, offset)?;
        multipliers.fill_with(|| (numbers.word(&mut random, 30) & 0x3fff_ffff).max(1));
        let column_sums = take::<i32>(&mut arena, padded, offset)?;
        if product {
            for (index, &weight) in b.iter().enumerate() {
                let column = index / (16 * depth) * 16 + index % 256 / 16;
                column_sums[column] += weight as i32;
            }
        }
        if work.kernel == Kernel::Requantize {
            column_sums.fill_with(|| numbers.word(&mut random, 23));
        }
        let biases = take::<i32>(&mut arena, padded, offset)?;
        biases.fill_with(|| numbers.word(&mut random, 31));
        let ratios = take::<i16>(&mut arena, padded, offset)?;
        ratios.fill_with(|| (random.next() % VALUE_SCALE_ONE as u32) as i16);
        let scales = take::<RowScale>(&mut arena, rows, offset)?;
        scales.fill_with(|| RowScale {
            scale: 0.37 / (1u32 << (random.next() % 12)) as f32,
            zero_point: (random.next() & 255) as i32 - 128,
        });
        Some(Stage {
            work: *work,
            first: if offset > 0 { padded - 16 } else { 0 }.min(16),
            a,
            b,
            words,
            halves,
            multipliers,
            column_sums,
            biases,
            ratios,
            scales,
            out: take(&mut arena, rows * padded + spare, offset)?,
            out_halves: take(&mut arena, halves.len(), offset)?,
            out_bytes: take(&mut arena, 2 * halves.len(), offset)?,
            returned: take(&mut arena, 2 * rows, offset)?,
        })
    }

    /// Puts results, and what is worked on in place, as they are before the work.
    pub fn prepare(&mut self) {
        for (index, out) in self.out.iter_mut().enumerate() {
            *out = self.words.get(index).copied().unwrap_or(7);
        }
        self.out_halves.fill(7);
        self.out_bytes.fill(7);
        self.returned.fill(7);
    }

    /// Everything the work has written.
    pub fn results(&self) -> [&[u8]; 4] {
        // What softmax leaves of its scores is the set's own.
        let out = match self.work.kernel {
            Kernel::Softmax => &[],
            _ => &*self.out,
        };
        [
            bytemuck::cast_slice(out),
            bytemuck::cast_slice(self.out_halves),
            bytemuck::cast_slice(self.out_bytes),
            bytemuck::cast_slice(self.returned),
        ]
    }

    /// Does the work.
    pub fn run(&mut self, set: InstructionSet) {
        let columns = self.work.columns as usize;
        let matrix = Matrix {
            data: self.b,
            columns,
            depth: self.work.depth as usize,
            format: Format::Columns,
        };
        let layer = Linear {
            weights: matrix,
            groups: &[],
            multipliers: self.multipliers,
            column_sums: self.column_sums,
            biases: self.biases,
            scale: 0.9,
            unit: 1.0,
        };
        match self.work.kernel {
            Kernel::Matmul => set.matmul(self.a, &matrix, self.out, columns),
            Kernel::Linear => {
                let input = Activations {
                    values: self.a,
                    width: matrix.depth,
                    rows: self.scales,
                };
                set.linear(&input, &layer, self.first, self.out, columns - self.first);
            }
            Kernel::Requantize => {
                let rows = self.out.chunks_exact_mut(columns.next_multiple_of(16));
                for (out, scale) in rows.zip(self.scales) {
                    set.requantize(&mut out[..columns], &layer, 0, scale);
                }
            }
            Kernel::PackValues => {
                // The rows are tokens, and there is a block of them.
                let depth = (self.work.rows as usize).next_multiple_of(16);
                let sums = &mut self.out[..columns];
                let first = self.work.depth as usize % 16;
                let rows = (self.work.rows as usize - first) * columns;
                set.pack_values(&self.a[..rows], first, depth, self.out_bytes, sums);
            }
            _ => self.each_row(set),
        }
    }

    fn each_row(&mut self, set: InstructionSet) {
        let columns = self.work.columns as usize;
        let padded = columns.next_multiple_of(16);
        for index in 0..self.work.rows as usize {
            let place = index * padded..index * padded + columns;
            let (bytes, words) = (&self.a[place.clone()], &self.words[place.clone()]);
            let halves = &self.halves[place.clone()];
            let out = &mut self.out[place.clone()];
            let out_bytes = &mut self.out_bytes[place.clone()];
            let returned = &mut self.returned[2 * index..2 * index + 2];
            let scale = self.scales[index];
            match self.work.kernel {
                Kernel::Softmax => {
                    // From scores of thousands to scores that hardly differ.
                    let exponent = 0.5 / (1u32 << (self.work.depth % 21)) as f32;
                    let scales = SoftmaxScales {
                        // As raw scores of 30 bits less the shift are.
                        shift: 0,
                        keys: &self.multipliers[..columns],
                        exponent: FixedMultiplier::new(scale.scale * exponent),
                        values: &self.ratios[..columns],
                    };
                    returned[0] = set.softmax(out, &scales, out_bytes) as i32;
                }
                Kernel::Activate => {
                    let kind = match self.work.depth % 3 {
                        0 => Activation::GeluErf,
                        1 => Activation::GeluTanh,
                        _ => Activation::Relu,
                    };
                    let bits = 4 + (self.work.depth / 3) % 9;
                    set.activate(kind, bits, words, &mut self.out_halves[place]);
                }
                Kernel::Normalize => {
                    // Fewer channels than stored: the others are zero.
                    let hidden = columns - self.work.depth as usize % 16;
                    out[hidden..].fill(0);
                    set.normalize(out, hidden, &self.multipliers[..columns], 3.5);
                }
                Kernel::Expand => {
                    // Pairs of groups of 16: those that are not whole are left alone.
                    let nibbles = &self.b[place.start..place.start + columns / 2];
                    let multipliers = bytemuck::cast_slice(&bytes[..columns / 32]);
                    set.expand(nibbles, multipliers, &mut self.out_bytes[place]);
                }
                Kernel::AddEmbedding => {
                    set.add_embedding(bytes, self.ratios[0] as u16 * 2 + 1, out)
                }
                Kernel::AddHidden => {
                    let low = &self.b[place.start..place.start + columns / 2];
                    let row = HiddenRow {
                        high: bytes,
                        low: bytemuck::cast_slice(low),
                        scale,
                    };
                    let factor = FixedMultiplier::new(scale.scale / 1.5);
                    set.add_hidden(&row, &self.multipliers[..columns], factor, out);
                }
                Kernel::QuantizeHidden => {
                    let (low, high) = set.range(words);
                    let narrow = narrow(low, high, 4064.0);
                    let (upper, lower) = self.out_bytes[2 * place.start..].split_at_mut(columns);
                    let lower = bytemuck::cast_slice_mut(&mut lower[..columns / 2]);
                    set.quantize_hidden(words, narrow, scale.zero_point, upper, lower);
                }
                Kernel::Quantize => {
                    let largest = set.max_abs(words);
                    let narrow = Requantizer::new(largest, 127.0 / largest as f32);
                    set.quantize(words, narrow, out_bytes);
                }
                Kernel::QuantizeActivated => {
                    let (low, high) = set.range_activated(halves);
                    let narrow = narrow(low, high, 254.0);
                    set.quantize_activated(halves, narrow, scale.zero_point, out_bytes);
                }
                Kernel::ScaleDown => set.scale_down(bytes, self.ratios[0], out_bytes),
                Kernel::Range => (returned[0], returned[1]) = set.range(words),
                Kernel::RangeActivated => {
                    (returned[0], returned[1]) = set.range_activated(halves);
                }
                Kernel::MaxAbs => returned[0] = set.max_abs(words) as i32,
                Kernel::Matmul | Kernel::Linear | Kernel::Requantize | Kernel::PackValues => {}
            }
        }
    }
}

/// Brings a row of that range to `steps` steps, as the encoder does.
fn narrow(low: i32, high: i32, steps: f32) -> Requantizer {
    let range = high.wrapping_sub(low) as u32 as f32;
    Requantizer::new(low.unsigned_abs().max(high.unsigned_abs()), steps / range)
}

/// The next `count` elements, zeros, `offset` elements past an aligned address.
fn take<'m, T: Pod>(arena: &mut Arena<'m>, count: usize, offset: usize) -> Option<&'m mut [T]> {
    let slice = arena.take::<T>(count + offset).ok()?;
    slice.fill(T::zeroed());
    slice.get_mut(offset..)
}
