//! A label for every token.

use super::{logits, softmax};
use crate::encoder::Hidden;
use crate::kernels::InstructionSet;
use crate::memory::{Arena, OutOfScratch, TokenLabel};
use crate::model::Model;

/// The most probable label of each of the first `tokens` tokens.
pub(crate) fn label_tokens<'s>(
    set: InstructionSet,
    model: &Model<'_>,
    hidden: &Hidden<'_>,
    tokens: usize,
    arena: &mut Arena<'s>,
) -> Result<&'s [TokenLabel], OutOfScratch> {
    let labels: &mut [TokenLabel] = arena.take(tokens)?;
    let Some(classifier) = model.head().token_classifier else {
        return Ok(labels);
    };
    let mut arena = arena.phase();
    let sums: &mut [i32] = arena.take(classifier.weights.columns)?;
    let probabilities: &mut [f32] = arena.take(model.shape().token_outputs())?;
    for (token, out) in labels.iter_mut().enumerate() {
        let input = hidden.activations(token..token + 1);
        for (p, logit) in probabilities
            .iter_mut()
            .zip(logits(set, &input, &classifier, sums))
        {
            *p = logit;
        }
        softmax(probabilities);
        *out = TokenLabel::default();
        for (label, &score) in probabilities.iter().enumerate() {
            if score > out.score {
                *out = TokenLabel {
                    label: label as u32,
                    score,
                };
            }
        }
    }
    Ok(labels)
}
