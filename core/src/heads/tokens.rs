//! A label for every token.

use super::TokenLabel;
use super::tags::{ViterbiScratch, WordPosition, decode_tags, step_bytes};
use super::{logits, softmax};
use crate::blob::Linear;
use crate::encoder::Hidden;
use crate::kernels::InstructionSet;
use crate::memory::{Arena, OutOfScratch, region, sum};
use crate::model::Model;
use crate::shape::{Shape, blocks};
use crate::text::Token;

/// Bytes that [`label_tokens`] takes.
pub(super) const fn bytes(shape: &Shape, tokens: usize) -> usize {
    let tags = shape.token_outputs();
    sum([
        region::<TokenLabel>(1, tokens),
        region::<i32>(1, blocks(tags)),
        region::<f32>(1, tags),
        if shape.iob2 {
            sum([
                region::<u8>(1, tags),
                region::<f32>(1, tags),
                region::<u8>(tokens, step_bytes(tags)),
            ])
        } else {
            0
        },
    ])
}

/// The label of each token of a text: the most probable one, or the tag of its word in the most
/// probable sequence of tags.
pub(crate) fn label_tokens<'s>(
    set: InstructionSet,
    model: &Model<'_>,
    hidden: &Hidden<'_>,
    tokens: &[Token],
    arena: &mut Arena<'s>,
) -> Result<&'s [TokenLabel], OutOfScratch> {
    let labels: &mut [TokenLabel] = arena.take(tokens.len())?;
    let Some(classifier) = model.head().token_classifier else {
        return Ok(labels);
    };
    let mut arena = arena.phase();
    let sums: &mut [i32] = arena.take(classifier.weights.columns)?;
    let scores: &mut [f32] = arena.take(model.shape().token_outputs())?;
    let scorer = Scorer {
        set,
        hidden,
        classifier: &classifier,
        sums,
    };
    match model.shape().iob2 {
        true => tag(scorer, model, tokens, labels, scores, arena)?,
        false => label(scorer, labels, scores),
    }
    Ok(labels)
}

/// Computes the logits of tokens.
struct Scorer<'a, 's> {
    set: InstructionSet,
    hidden: &'a Hidden<'a>,
    classifier: &'a Linear<'a>,
    sums: &'s mut [i32],
}

impl Scorer<'_, '_> {
    /// Kept apart: it stands in several loops, and flash is dear.
    #[inline(never)]
    fn score(&mut self, token: usize, out: &mut [f32]) {
        let input = self.hidden.activations(token..token + 1);
        let logits = logits(self.set, &input, self.classifier, self.sums);
        out.iter_mut()
            .zip(logits)
            .for_each(|(out, logit)| *out = logit);
    }
}

/// The most probable label of each token.
fn label(mut scorer: Scorer<'_, '_>, labels: &mut [TokenLabel], probabilities: &mut [f32]) {
    for (token, out) in labels.iter_mut().enumerate() {
        scorer.score(token, probabilities);
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
}

/// The tags of words.
fn tag(
    mut scorer: Scorer<'_, '_>,
    model: &Model<'_>,
    tokens: &[Token],
    labels: &mut [TokenLabel],
    logits: &mut [f32],
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let mut memory = ViterbiScratch {
        inside: arena.take(logits.len())?,
        best: arena.take(logits.len())?,
        steps: arena.take(tokens.len() * step_bytes(logits.len()))?,
        logits,
    };
    memory.name(model.token_labels().iter());
    let vocabulary = model.tokenizer().vocabulary();
    let place = |token: usize| match tokens.get(token) {
        Some(token) => WordPosition::of(token, vocabulary.continues(token.id)),
        None => WordPosition::None,
    };
    decode_tags(
        labels,
        place,
        |token, out| scorer.score(token, out),
        &mut memory,
    );
    Ok(())
}
