//! Embedding tables to int8, per row.

use crate::blob::writer::QuantizedTable;
use embert::blocks;

/// The unit that the tables of a model share: their sum is then exact.
pub fn common_unit(tables: &[&[f32]]) -> f64 {
    let values = tables.iter().flat_map(|table| table.iter());
    let largest = values.fold(1e-9f32, |m, v| m.max(v.abs()));
    f64::from(largest) / 127.0 / f64::from(u16::MAX)
}

/// Rounds the rows of a table `[rows x width]`, each with the finest multiplier that holds it.
pub fn quantize(table: &[f32], width: usize, unit: f64) -> QuantizedTable {
    let mut quantized = QuantizedTable {
        multipliers: Vec::new(),
        rows: Vec::new(),
    };
    for row in table.chunks_exact(width) {
        let largest = f64::from(row.iter().fold(0.0f32, |m, v| m.max(v.abs())));
        let multiplier = (largest / 127.0 / unit).ceil().clamp(1.0, u16::MAX.into());
        quantized.multipliers.push(multiplier as u16);
        let step = multiplier * unit;
        let rounded = row.iter().map(|&v| (f64::from(v) / step).round().clamp(-127.0, 127.0) as i8);
        quantized.rows.extend(rounded);
        quantized.rows.resize(quantized.multipliers.len() * blocks(width), 0);
    }
    quantized
}
