//! One label, or several, for a text.

use super::{logits, pool, quantize_pooled, sigmoid, softmax};
use crate::encoder::Hidden;
use crate::kernels::{Activations, InstructionSet};
use crate::memory::{Arena, OutOfScratch};
use crate::model::Model;

/// The probability of every label: of one among all (softmax) or each on its own (sigmoid).
pub(crate) fn classify<'s>(
    set: InstructionSet,
    model: &Model<'_>,
    hidden: &Hidden<'_>,
    multi_label: bool,
    arena: &mut Arena<'s>,
) -> Result<&'s [f32], OutOfScratch> {
    let probabilities: &mut [f32] = arena.take(model.shape().labels)?;
    let mut arena = arena.phase();
    let (Some(classifier), head) = (model.head().classifier, model.head()) else {
        return Ok(probabilities);
    };
    let width = classifier.weights.depth;
    let quantized: &mut [i8] = arena.take(width)?;
    let pooled;
    let input = match &head.pooler {
        Some(pooler) => {
            let row = pool(set, pooler, hidden, &mut arena.phase())?;
            pooled = [quantize_pooled(set, row, quantized)];
            Activations {
                values: quantized,
                width,
                rows: &pooled,
            }
        }
        None => hidden.activations(0..1),
    };
    let sums: &mut [i32] = arena.take(classifier.weights.columns)?;
    for (out, logit) in probabilities
        .iter_mut()
        .zip(logits(set, &input, &classifier, sums))
    {
        *out = if multi_label { sigmoid(logit) } else { logit };
    }
    if !multi_label {
        softmax(probabilities);
    }
    Ok(probabilities)
}
