//! From hidden states to results (Devlin et al., section 4; Reimers and Gurevych,
//! arXiv 1908.10084, for sentence embeddings).
//!
//! A result is a handful of numbers, so it is computed in `f32`: with `libm`'s functions, which
//! are the same code on every target.

mod embedding;
mod entities;
mod sequence;
mod span;
mod tags;
mod tokens;

pub(crate) use embedding::embedding;
pub use entities::{Entities, Entity};
pub(crate) use sequence::classify;
pub(crate) use span::answer;
pub use span::{MAX_ANSWER_TOKENS, Span, best_span};
#[doc(hidden)]
pub use tags::{ViterbiScratch, WordPosition, decode_tags, step_bytes};
pub(crate) use tokens::label_tokens;

use crate::blob::Linear;
use crate::encoder::Hidden;
use crate::fixed::Requantizer;
use crate::kernels::{Activations, InstructionSet, RowScale};
use crate::memory::{Arena, OutOfScratch, max, region, sum};
use crate::shape::{HeadKind, Pooling, Shape, blocks};
use bytemuck::{Pod, Zeroable};

/// Label and probability of one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct TokenLabel {
    pub label: u32,
    pub score: f32,
}

/// Bytes that [`pool`] takes.
const fn pool_bytes(shape: &Shape) -> usize {
    let hidden = shape.hidden_blocks();
    match shape.has_pooler {
        true => sum([region::<i32>(1, hidden), region::<i16>(1, hidden)]),
        false => 0,
    }
}

/// Bytes that the model's head takes.
pub(crate) const fn bytes(shape: &Shape, tokens: usize) -> usize {
    let (hidden, texts) = (shape.hidden_blocks(), shape.text_outputs());
    // The probabilities stay; the next classifier reuses the rest.
    let classified = region::<f32>(1, texts);
    let classifying = sum([
        region::<i8>(1, hidden),
        max(pool_bytes(shape), region::<i32>(1, blocks(texts))),
    ]);
    let labelling = tokens::bytes(shape, tokens);
    match (shape.head, shape.pooling) {
        (HeadKind::SequenceClassification, _) => sum([classified, classifying]),
        (HeadKind::TokenClassification, _) => labelling,
        (HeadKind::Joint, _) => sum([classified, max(classifying, labelling)]),
        (HeadKind::Spans, _) => region::<i32>(1, blocks(shape.token_outputs())),
        (HeadKind::Embedding, Pooling::Pooler) => {
            sum([region::<f32>(1, shape.hidden), pool_bytes(shape)])
        }
        (HeadKind::Embedding, Pooling::Mean | Pooling::Cls) => {
            sum([region::<f32>(1, shape.hidden), region::<i32>(1, hidden)])
        }
    }
}

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
    let (low, high) = set.range_activated(pooled);
    let range = (high - low) as f32;
    let largest = low.unsigned_abs().max(high.unsigned_abs());
    let narrow = Requantizer::new(largest, 254.0 / range);
    let zero_point = -127 - narrow.apply(low);
    set.quantize_activated(pooled, narrow, zero_point, out);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Model;
    use crate::Plan;
    use crate::text::Token;

    #[repr(align(16))]
    struct Aligned<const N: usize>([u8; N]);

    /// Every head runs in the region planned for it, and not in a smaller one.
    #[test]
    fn the_planned_region_is_taken_whole() {
        let tokens = Aligned(*include_bytes!("../../../tests/data/tiny.embert"));
        let sequence = Aligned(*include_bytes!("../../../tests/data/tiny_sequence.embert"));
        let mean = Aligned(*include_bytes!("../../../tests/data/tiny_mean.embert"));
        let pooler = Aligned(*include_bytes!("../../../tests/data/tiny_pooler.embert"));
        let joint = Aligned(*include_bytes!("../../../tests/data/tiny_joint.embert"));
        let spans = Aligned(*include_bytes!("../../../tests/data/tiny_spans.embert"));
        for blob in [
            &tokens.0[..],
            &sequence.0,
            &mean.0,
            &pooler.0,
            &joint.0,
            &spans.0,
        ] {
            let model = Model::parse(blob).expect("a committed blob");
            let (set, shape) = (InstructionSet::SCALAR, model.shape());
            let plan = Plan::new(shape, 5, 4, 1);
            let mut states = vec![0u128; plan.regions().hidden / 16];
            let mut arena = Arena::new(bytemuck::cast_slice_mut(&mut states));
            let hidden = Hidden::take(&mut arena, 5, shape.hidden_blocks()).expect("as planned");
            let run = |mut arena: Arena<'_>| {
                let arena = &mut arena;
                match shape.head {
                    HeadKind::SequenceClassification => {
                        classify(set, &model, &hidden, true, arena).map(|_| ())
                    }
                    HeadKind::TokenClassification => {
                        label_tokens(set, &model, &hidden, &[Token::default(); 5], arena)
                            .map(|_| ())
                    }
                    HeadKind::Embedding => {
                        embedding(set, &model, &hidden, 5, true, arena).map(|_| ())
                    }
                    HeadKind::Joint => {
                        classify(set, &model, &hidden, false, arena).and_then(|_| {
                            let tokens = [Token::default(); 5];
                            label_tokens(set, &model, &hidden, &tokens, arena).map(|_| ())
                        })
                    }
                    HeadKind::Spans => {
                        answer(set, &model, &hidden, &[Token::default(); 5], 2..4, arena)
                            .map(|_| ())
                    }
                }
            };
            let bytes = plan.regions().head;
            let mut memory = vec![0u128; bytes / 16];
            let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut memory);
            assert_eq!(run(Arena::new(memory)), Ok(()), "{:?}", shape.head);
            let less = Arena::new(&mut memory[..bytes - 1]);
            assert_eq!(run(less), Err(OutOfScratch), "{:?}", shape.head);
        }
    }
}
