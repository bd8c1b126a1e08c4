//! Writes the records that [`embert::blob`] reads.

use embert::blob::{ALIGNMENT, Format};
use embert::{BLOCK, blocks};

/// One, in the Q30 of multipliers.
const ONE: f64 = (1u64 << 30) as f64;

/// A blob under construction: records one after another, each aligned.
pub struct Writer {
    bytes: Vec<u8>,
    /// Of the weights.
    format: Format,
}

/// A dense layer ready to be stored: int8 weights, or int4 ones in int8, and what they stand for.
#[derive(Clone, Debug, Default)]
pub struct QuantizedDense {
    /// `[columns x depth]`, padding included.
    pub weights: Vec<i8>,
    /// The multipliers that weights are multiples of, `[columns x depth / 16]`, for int4; empty
    /// for int8.
    pub groups: Vec<u8>,
    pub columns: usize,
    pub depth: usize,
    /// What a step of a weight stands for, per column; 0 for padding.
    pub scales: Vec<f32>,
    /// Per column, real numbers.
    pub biases: Vec<f64>,
    /// What a step of the output stands for.
    pub unit: f64,
}

/// A LayerNorm ready to be stored; both vectors have the hidden size, without padding.
pub struct QuantizedNorm {
    /// Gamma over migration scale, positive.
    pub gains: Vec<f64>,
    /// Migration scale, with gamma's sign.
    pub restore: Vec<f64>,
    /// Epsilon in squared steps of the input.
    pub epsilon: f64,
}

/// An embedding table: rows of int8, or int4, with a multiplier of the tables' common unit.
pub struct QuantizedTable {
    pub multipliers: Vec<u16>,
    /// `[rows x width]`, padding included.
    pub rows: Vec<i8>,
    /// As those of a [`QuantizedDense`].
    pub groups: Vec<u8>,
}

/// `v / largest` in Q30, short of one.
fn multiplier(v: f64, largest: f64) -> i32 {
    let limit = ONE - 1.0;
    (v / largest * ONE).round().clamp(-limit, limit) as i32
}

/// A positive scale that the reader accepts.
fn scale(v: f64) -> f32 {
    v.clamp(2e-12, 5e11) as f32
}

impl Writer {
    pub fn new(format: Format) -> Self {
        Writer {
            bytes: Vec::new(),
            format,
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }

    fn numbers<const N: usize>(&mut self, numbers: impl IntoIterator<Item = [u8; N]>) {
        self.bytes.extend(numbers.into_iter().flatten());
        self.bytes(&[]);
    }

    fn scales(&mut self, scales: [f64; 4]) {
        self.numbers(scales.map(|s| scale(s).to_le_bytes()));
    }

    fn integers(&mut self, numbers: impl IntoIterator<Item = i32>) {
        self.numbers(numbers.into_iter().map(i32::to_le_bytes));
    }

    fn small(&mut self, numbers: &[i8]) {
        self.numbers(numbers.iter().map(|n| n.to_le_bytes()));
    }

    pub fn table(&mut self, table: &QuantizedTable) {
        self.numbers(table.multipliers.iter().map(|m| m.to_le_bytes()));
        if table.groups.is_empty() {
            self.small(&table.rows);
            return;
        }
        let groups = table.rows.chunks_exact(BLOCK).zip(&table.groups);
        let mut groups: Vec<Group<'_>> = groups.map(|(values, &m)| (values, m)).collect();
        // Pairs do not reach into the next row.
        let of_row = table.groups.len() / table.multipliers.len();
        if !of_row.is_multiple_of(2) {
            let rows = groups.chunks_exact(of_row);
            let padded = rows.flat_map(|row| row.iter().copied().chain([EMPTY]));
            groups = padded.collect();
        }
        self.nibbles(groups);
    }

    /// Groups of int4 weights.
    fn nibbles<'a>(&mut self, groups: impl IntoIterator<Item = Group<'a>>) {
        let (mut multipliers, mut nibbles) = (Vec::new(), Vec::new());
        let mut groups = groups.into_iter();
        while let (Some((low, m)), Some((high, n))) = (groups.next(), groups.next()) {
            multipliers.push(m | n << 4);
            let nibble = |w: i8, m: u8| (w / m.max(1) as i8 + 8) as u8;
            let pairs = low.iter().zip(high);
            nibbles.extend(pairs.map(|(&a, &b)| nibble(a, m) | nibble(b, n) << 4));
        }
        self.bytes(&multipliers);
        self.bytes(&nibbles);
    }

    pub fn norm(&mut self, norm: &QuantizedNorm) {
        let largest_gain = largest(norm.gains.iter().copied());
        let largest_restore = largest(norm.restore.iter().copied());
        // The kernel's normalized numbers have 22 fraction bits and a multiplier takes one.
        let unit = largest_gain / f64::from(1 << 21);
        self.scales([unit, largest_restore * 2.0, norm.epsilon, 1.0]);
        let width = blocks(norm.gains.len());
        let padded = |v: &[f64], largest| {
            let mut multipliers: Vec<i32> = v.iter().map(|&v| multiplier(v, largest)).collect();
            multipliers.resize(width, 0);
            multipliers
        };
        self.integers(padded(&norm.gains, largest_gain));
        self.integers(padded(&norm.restore, largest_restore));
    }

    pub fn dense(&mut self, dense: &QuantizedDense) {
        let largest = largest(dense.scales.iter().map(|&s| f64::from(s)));
        let format = match dense.groups.is_empty() {
            true => self.format,
            false => Format::Nibbles,
        };
        self.numbers([format.code().to_le_bytes()]);
        self.scales([largest * 2.0 / dense.unit, dense.unit, 1.0, 1.0]);
        self.integers(dense.scales.iter().map(|&s| multiplier(s.into(), largest)));
        let rows = || dense.weights.chunks_exact(dense.depth);
        self.integers(rows().map(|row| row.iter().map(|&w| i32::from(w)).sum()));
        self.integers(dense.biases.iter().map(|b| (b / dense.unit).round() as i32));
        match format {
            Format::Columns => self.small(&packed(dense, BLOCK, 0)),
            Format::Vnni4 => self.small(&packed(dense, 4, i8::MIN)),
            Format::Nibbles => self.nibbles(groups(dense)),
        }
    }

    pub fn readout(&mut self, unit: f64, shift: &[f32]) {
        self.scales([unit, 1.0, 1.0, 1.0]);
        let mut steps: Vec<i32> = shift
            .iter()
            .map(|&b| (f64::from(b) / unit).round() as i32)
            .collect();
        steps.resize(blocks(shift.len()), 0);
        self.integers(steps);
    }
}

/// 16 weights that are multiples of one number.
type Group<'a> = (&'a [i8], u8);

const EMPTY: Group<'static> = (&[0; BLOCK], 0);

/// The groups of a layer in the order of blocks.
fn groups(dense: &QuantizedDense) -> impl Iterator<Item = Group<'_>> {
    let (depth, across) = (dense.depth, dense.depth / BLOCK);
    let blocks =
        (0..dense.columns / BLOCK).flat_map(move |column| (0..across).map(move |b| (column, b)));
    blocks.flat_map(move |(block_column, block)| {
        (0..BLOCK).map(move |column| {
            let column = block_column * BLOCK + column;
            let start = column * depth + block * BLOCK;
            let multiplier = dense.groups[column * across + block];
            (&dense.weights[start..start + BLOCK], multiplier)
        })
    })
}

/// Weights in blocks, `inputs` of each column at a time, `offset` added.
fn packed(dense: &QuantizedDense, inputs: usize, offset: i8) -> Vec<i8> {
    let mut packed = Vec::with_capacity(dense.weights.len());
    for block_column in dense.weights.chunks_exact(BLOCK * dense.depth) {
        for first in (0..dense.depth).step_by(inputs) {
            for row in block_column.chunks_exact(dense.depth) {
                packed.extend(row[first..first + inputs].iter().map(|w| w ^ offset));
            }
        }
    }
    packed
}

/// The largest magnitude; a tiny number if there is none.
fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(1e-12, |m: f64, v| m.max(v.abs()))
}
