//! Moves what is hard to quantize from activations to weights, offline (SmoothQuant, Xiao et
//! al., arXiv 2211.10438), and folds every LayerNorm's shift into the biases that follow it.

use crate::checkpoint::{Dense, LayerNorm};

/// Migration scales may differ by this factor at most, so that none gets lost in Q30.
const RANGE: f32 = 1e3;

/// A scale per channel: the root of the activations' largest magnitude over the weights'.
///
/// `consumers` are the matrices that read the norm's output; with none, channels stay as they
/// are. The geometric mean of the scales is one, the signs are gamma's.
pub fn scales(norm: &LayerNorm, activations: &[f32], consumers: &[&Dense]) -> Vec<f32> {
    let sign = |gamma: f32| if gamma < 0.0 { -1.0 } else { 1.0 };
    if consumers.is_empty() {
        return norm.gamma.iter().map(|&gamma| sign(gamma)).collect();
    }
    let roots: Vec<f32> = activations
        .iter()
        .enumerate()
        .map(|(channel, &activation)| {
            let column = |dense: &&Dense| {
                let weights = dense.weight.iter().skip(channel).step_by(dense.inputs);
                weights.fold(0.0f32, |m, w| m.max(w.abs()))
            };
            let weight = consumers.iter().map(column).fold(0.0, f32::max);
            (activation.max(1e-6) / weight.max(1e-6)).sqrt()
        })
        .collect();
    let mean = (roots.iter().map(|r| r.ln()).sum::<f32>() / roots.len() as f32).exp();
    let bounded = roots.iter().map(|r| (r / mean).clamp(1.0 / RANGE, RANGE));
    bounded.zip(&norm.gamma).map(|(r, &gamma)| r * sign(gamma)).collect()
}

/// The same layer for inputs without `shift` and divided by `scales`.
pub fn fold(dense: &Dense, shift: &[f32], scales: &[f32]) -> Dense {
    let mut folded = dense.clone();
    let rows = folded.weight.chunks_exact_mut(dense.inputs).zip(&mut folded.bias);
    for (row, bias) in rows {
        let sum: f64 = row.iter().zip(shift).map(|(&w, &s)| f64::from(w) * f64::from(s)).sum();
        *bias += sum as f32;
        row.iter_mut().zip(scales).for_each(|(w, s)| *w *= s);
    }
    folded
}
