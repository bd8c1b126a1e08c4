//! Embedding tables to int8 or int4, per row.

use super::grid::{Bits, Grid};
use crate::blob::writer::QuantizedTable;
use crate::checkpoint::FloatModel;
use embert::{BLOCK, blocks};

/// The three tables, in one unit, so that their sum is exact.
pub struct Tables {
    pub word: QuantizedTable,
    pub position: QuantizedTable,
    pub segment: QuantizedTable,
    pub unit: f64,
}

/// Rounds the rows of all tables, each with a step of its own.
///
/// Every token adds a row of each table. What rounding leaves of segment 0, which nearly all
/// tokens are in, is therefore added to every position before that is rounded: so the segment
/// errs in nothing. `words` is the order of the word embeddings.
pub fn quantize(bits: Bits, model: &FloatModel, words: &[u32]) -> Tables {
    let tables = [
        &model.word_embeddings,
        &model.position_embeddings,
        &model.segment_embeddings,
    ];
    let all = tables.iter().flat_map(|table| table.iter());
    let largest = all.fold(1e-9f32, |m, v| m.max(v.abs()));
    let most = match bits {
        Bits::Eight => 127.0,
        // Steps of int4 may cut off nothing and yet be larger.
        Bits::Four => 64.0,
    };
    let unit = f64::from(largest) / most / f64::from(u16::MAX);
    // Channels that the LayerNorm makes larger count more.
    let gamma = model.embedding_norm.gamma.iter();
    let weights: Vec<f64> = gamma.map(|&g| f64::from(g).powi(2)).collect();

    let segment = table(Bits::Eight, &model.segment_embeddings, unit, &weights);
    let step = f64::from(segment.multipliers[0]) * unit;
    let pairs = model.segment_embeddings.iter().zip(&segment.rows);
    let left = pairs.map(|(&v, &q)| (f64::from(v) - f64::from(q) * step) as f32);
    let left: Vec<f32> = left.take(model.hidden).collect();
    let pairs = model.position_embeddings.iter().zip(left.iter().cycle());
    let position: Vec<f32> = pairs.map(|(v, left)| v + left).collect();
    let rows = words.iter().map(|&row| row as usize * model.hidden);
    let word: Vec<f32> = rows
        .flat_map(|start| &model.word_embeddings[start..][..model.hidden])
        .copied()
        .collect();
    Tables {
        word: table(bits, &word, unit, &weights),
        position: table(bits, &position, unit, &weights),
        segment,
        unit,
    }
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
