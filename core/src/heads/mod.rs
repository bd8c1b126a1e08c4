//! From hidden states to results (Devlin et al., section 4; Reimers and Gurevych,
//! arXiv 1908.10084, for sentence embeddings).
//!
//! A result is a handful of numbers, so it is computed in `f32`: with `libm`'s functions, which
//! are the same code on every target.

mod embedding;
mod entities;
mod sequence;
mod tokens;

pub(crate) use embedding::embedding;
pub use entities::{Entities, Entity};
pub(crate) use sequence::classify;
pub(crate) use tokens::label_tokens;

use crate::blob::Linear;
use crate::encoder::Hidden;
use crate::fixed::Narrow;
use crate::kernels::{Activations, InstructionSet, RowScale};
use crate::memory::{Arena, OutOfScratch};

/// The pooler's output for `[CLS]` before it is quantized: `tanh(W h + b)` in Q15.
fn pool<'s>(
    set: InstructionSet,
    pooler: &Linear<'_>,
    hidden: &Hidden<'_>,
    arena: &mut Arena<'s>,
) -> Result<&'s [i16], OutOfScratch> {
    let width = pooler.weights.columns;
    let sums: &mut [i32] = arena.take(width)?;
    let pooled: &mut [i16] = arena.take(width)?;
    set.linear(&hidden.activations(0..1), pooler, 0, sums, width);
    for (sum, out) in sums.iter().zip(pooled.iter_mut()) {
        *out = (libm::tanhf(*sum as f32 * pooler.unit) * 32767.0) as i16;
    }
    Ok(pooled)
}

/// Logits of one row of int8 activations.
fn logits<'s>(
    set: InstructionSet,
    input: &Activations<'_>,
    classifier: &Linear<'_>,
    sums: &'s mut [i32],
) -> impl Iterator<Item = f32> + use<'s> {
    let unit = classifier.unit;
    set.linear(input, classifier, 0, sums, classifier.weights.columns);
    sums.iter().map(move |&sum| sum as f32 * unit)
}

/// Quantizes a pooled row for the classifier.
fn quantize_pooled(set: InstructionSet, pooled: &[i16], out: &mut [i8]) -> RowScale {
    let (low, high) = set.range(pooled);
    let range = (high - low) as f32;
    let largest = low.unsigned_abs().max(high.unsigned_abs());
    let narrow = Narrow::new(largest, 254.0 / range);
    let zero_point = -127 - narrow.apply(low);
    set.quantize(pooled, narrow, zero_point, out);
    RowScale {
        scale: range / 254.0 / 32767.0,
        zero_point,
    }
}

/// Logits to probabilities of exclusive labels, in place.
fn softmax(logits: &mut [f32]) {
    let largest = logits.iter().fold(f32::NEG_INFINITY, |m, &l| m.max(l));
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = libm::expf(*logit - largest);
        sum += *logit;
    }
    logits.iter_mut().for_each(|p| *p /= sum);
}

/// The probability of a label on its own.
fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-logit))
}
