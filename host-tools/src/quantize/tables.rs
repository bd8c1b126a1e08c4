//! Embedding tables to int8 or int4, per row.

use super::dense::{self, Channels, Layout, Limits};
use super::grid::{Bits, Grid};
use super::rounding::Inputs;
use crate::blob::writer::{QuantizedDense, QuantizedTable};
use crate::checkpoint::{Dense, FloatModel};
use embert::{BLOCK, blocks};

/// The three tables, in one unit, so that their sum is exact.
pub struct Tables {
    pub word: QuantizedTable,
    /// Of word embeddings of a low rank, into the unit.
    pub projection: Option<QuantizedDense>,
    pub position: QuantizedTable,
    pub segment: QuantizedTable,
    pub unit: f64,
}

/// Rounds the rows of all tables, each with a step of its own.
///
/// Every token adds a row of each table. What rounding leaves of segment 0, which nearly all
/// tokens are in, is therefore added to every position before that is rounded: so the segment
/// errs in nothing. `order` is that of the word embeddings.
pub fn quantize(bits: Bits, model: &FloatModel, order: &[u32]) -> Tables {
    let (positions, segments) = (&model.position_embeddings, &model.segment_embeddings);
    let words = in_order(&model.word_embeddings, model.word_width(), order);
    // Channels that the LayerNorm makes larger count more.
    let gamma = model.embedding_norm.gamma.iter();
    let weights: Vec<f64> = gamma.map(|&g| f64::from(g).powi(2)).collect();
    let (word, projection, unit) = match &model.word_projection {
        None => {
            let unit = unit_of(bits, &[&words, positions, segments]);
            (table(bits, &words, unit, &weights), None, unit)
        }
        Some(projection) => {
            let least = unit_of(bits, &[positions, segments]);
            let (word, projection) = factors(bits, &words, projection, &weights, least);
            let unit = projection.unit;
            (word, Some(projection), unit)
        }
    };

    let segment = table(Bits::Eight, segments, unit, &weights);
    let step = f64::from(segment.multipliers[0]) * unit;
    let pairs = segments.iter().zip(&segment.rows);
    let left = pairs.map(|(&v, &q)| (f64::from(v) - f64::from(q) * step) as f32);
    let left: Vec<f32> = left.take(model.hidden).collect();
    let pairs = positions.iter().zip(left.iter().cycle());
    let position: Vec<f32> = pairs.map(|(v, left)| v + left).collect();
    Tables {
        word,
        projection,
        position: table(bits, &position, unit, &weights),
        segment,
        unit,
    }
}

/// Word embeddings of a low rank, and their projection into a unit of `least` or more.
fn factors(
    bits: Bits,
    words: &[f32],
    projection: &Dense,
    weights: &[f64],
    least: f64,
) -> (QuantizedTable, QuantizedDense) {
    let rank = projection.inputs;
    let mut counts = vec![0.0; rank];
    for (row, weight) in projection.weight.chunks_exact(rank).zip(weights) {
        for (count, &w) in counts.iter_mut().zip(row) {
            *count += f64::from(w).powi(2) * weight;
        }
    }
    let unit = unit_of(bits, &[words]);
    let word = table(bits, words, unit, &counts);
    let largest = word.multipliers.iter().copied().max().unwrap_or(1);

    let mut inputs = Inputs::unknown(rank);
    inputs.variance.fill(0.0);
    for row in words.chunks_exact(rank) {
        for (variance, &v) in inputs.variance.iter_mut().zip(row) {
            *variance += f64::from(v).powi(2);
        }
    }
    // A row of the table comes in steps of the unit.
    let in_steps = Dense {
        weight: projection
            .weight
            .iter()
            .map(|&w| (f64::from(w) * unit) as f32)
            .collect(),
        ..projection.clone()
    };
    let layout = Layout {
        outputs: Channels::plain(projection.outputs),
        inputs: Channels::plain(rank),
    };
    let limits = Limits {
        input_scale: largest.into(),
        least_unit: least,
    };
    let projection = dense::quantize(Bits::Eight, &in_steps, layout, &inputs, limits);
    (word, projection)
}

/// Rows of `width`, row `order[0]` first.
fn in_order(table: &[f32], width: usize, order: &[u32]) -> Vec<f32> {
    let starts = order.iter().map(|&row| row as usize * width);
    let rows = starts.flat_map(|start| &table[start..][..width]);
    rows.copied().collect()
}

/// What multipliers are of: fine enough for every row of the tables.
fn unit_of(bits: Bits, tables: &[&[f32]]) -> f64 {
    let all = tables.iter().flat_map(|table| table.iter());
    let largest = all.fold(1e-9f32, |m, v| m.max(v.abs()));
    let most = match bits {
        Bits::Eight => 127.0,
        // Steps of int4 may cut off nothing and yet be larger.
        Bits::Four => 64.0,
    };
    f64::from(largest) / most / f64::from(u16::MAX)
}

/// Rows, each in the multiple of `unit` that serves it best; `weights` tell what the squared
/// error of a channel counts.
fn table(bits: Bits, floats: &[f32], unit: f64, weights: &[f64]) -> QuantizedTable {
    let mut quantized = QuantizedTable {
        multipliers: Vec::new(),
        rows: Vec::new(),
        groups: Vec::new(),
    };
    let width = blocks(weights.len());
    for row in floats.chunks_exact(weights.len()) {
        let grid = Grid::best(bits, row, weights, |channel| channel);
        let multiplier = (grid.step / unit).ceil().clamp(1.0, u16::MAX.into());
        quantized.multipliers.push(multiplier as u16);
        let grid = grid.with_step(multiplier * unit);
        let numbers = row.iter().enumerate();
        let rounded = numbers.map(|(channel, &v)| grid.nearest(channel, v.into()) as i8);
        quantized.rows.extend(rounded);
        let rows = quantized.multipliers.len();
        quantized.rows.resize(rows * width, 0);
        let firsts = (0..row.len()).step_by(BLOCK);
        quantized
            .groups
            .extend(firsts.filter_map(|channel| grid.multiplier(channel)));
    }
    quantized
}
