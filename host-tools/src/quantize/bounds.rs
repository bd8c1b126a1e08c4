//! How large numbers can become, so that no sum leaves its integer for any text.
//!
//! LayerNorm makes rows of length `sqrt(H)`, whatever went in; what follows is bounded from
//! there by Cauchy and Schwarz. The bounds hold for every text, not only for those seen in
//! calibration.

use crate::checkpoint::{Dense, LayerNorm};

/// Room for the rounding of activations, which the bounds leave out.
const MARGIN: f64 = 1.25;

/// A bound of what each output of `dense` can be after `norm`.
pub fn after_norm(dense: &Dense, norm: &LayerNorm) -> Vec<f64> {
    let root = (dense.inputs as f64).sqrt();
    let rows = dense.weight.chunks_exact(dense.inputs).zip(&dense.bias);
    rows.map(|(row, &bias)| {
        let (mut squares, mut center) = (0.0, f64::from(bias));
        for ((&w, &gamma), &beta) in row.iter().zip(&norm.gamma).zip(&norm.beta) {
            squares += f64::from(w * gamma).powi(2);
            center += f64::from(w) * f64::from(beta);
        }
        (squares.sqrt() * root + center.abs()) * MARGIN
    })
    .collect()
}

/// A bound of what each output of `dense` can be for inputs within `inputs`, of which a row's
/// length is at most `length`.
pub fn after(dense: &Dense, inputs: &[f64], length: f64) -> Vec<f64> {
    let rows = dense.weight.chunks_exact(dense.inputs).zip(&dense.bias);
    rows.map(|(row, &bias)| {
        let (mut squares, mut sum) = (0.0, 0.0);
        for (&w, &input) in row.iter().zip(inputs) {
            squares += f64::from(w).powi(2);
            sum += f64::from(w).abs() * input;
        }
        ((squares.sqrt() * length).min(sum) + f64::from(bias).abs()) * MARGIN
    })
    .collect()
}

/// The largest of some bounds.
pub fn largest(bounds: &[f64]) -> f64 {
    bounds.iter().copied().fold(1e-9, f64::max)
}

/// A bound of the length of a row whose elements are within `bounds`.
pub fn length(bounds: &[f64]) -> f64 {
    bounds.iter().map(|b| b * b).sum::<f64>().sqrt()
}
