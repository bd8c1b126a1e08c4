//! The freedom that attention leaves: layers that compute the same and are easier to quantize.

use super::moments::Moments;
use crate::checkpoint::{Dense, Layer};

/// Attention whose keys and contexts have a mean of zero.
///
/// * A constant added to all keys adds the same to all scores of a query, which softmax takes
///   out again: keys need no bias, and without their mean their range is smaller.
/// * Attention weights sum to one, so that a constant added to all values is added to the
///   context: it can be added after the output projection instead.
pub struct Centred {
    pub key: Dense,
    pub value: Dense,
    pub output: Dense,
    /// What contexts became less of.
    pub shift: Vec<f64>,
}

/// Centres the attention of `layer`; `states` are its inputs, `context` what its values were
/// averaged to.
pub fn centre(layer: &Layer, states: &Moments, context: &Moments) -> Centred {
    let shift = context.mean();

    let mut key = layer.key.clone();
    let mean = states.mean();
    for (row, bias) in key.weight.chunks_exact(key.inputs).zip(&mut key.bias) {
        *bias = -row
            .iter()
            .zip(&mean)
            .map(|(&w, m)| f64::from(w) * m)
            .sum::<f64>() as f32;
    }

    let mut value = layer.value.clone();
    for (bias, shift) in value.bias.iter_mut().zip(&shift) {
        *bias = (f64::from(*bias) - shift) as f32;
    }

    let mut output = layer.attention_output.clone();
    let rows = output.weight.chunks_exact(output.inputs);
    for (row, bias) in rows.zip(&mut output.bias) {
        let sum: f64 = row.iter().zip(&shift).map(|(&w, s)| f64::from(w) * s).sum();
        *bias = (f64::from(*bias) + sum) as f32;
    }
    Centred {
        key,
        value,
        output,
        shift,
    }
}

/// The mean square of a step of the centred contexts: all channels of a token share one.
pub fn mean_square_step(context: &Moments, shift: &[f64]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for row in context.sample() {
        let values = row.iter().zip(shift);
        let values = values.map(|(&v, shift)| (f64::from(v) - shift).abs());
        sum += (values.fold(0.0, f64::max) / 127.0).powi(2);
        count += 1.0;
    }
    sum / f64::max(count, 1.0)
}
