//! What the heads compute from the encoder's states.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, Axis, s};

use super::encoder::{project, softmax};
use crate::checkpoint::{Dense, FloatHead, FloatModel, Pooling};

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// One score per label.
    SequenceClassification {
        logits: Vec<f32>,
        /// By softmax, or by a sigmoid per label for multi-label heads.
        probabilities: Vec<f32>,
    },
    /// `[tokens x labels]`; `[CLS]` and `[SEP]` have rows too.
    TokenClassification {
        logits: Array2<f32>,
        probabilities: Array2<f32>,
    },
    /// `[hidden]`
    Embedding(Vec<f32>),
    /// Those of the text as in sequence classification, those of tokens as in token classification.
    Joint {
        intents: Vec<f32>,
        intent_probabilities: Vec<f32>,
        slots: Array2<f32>,
        slot_probabilities: Array2<f32>,
    },
    /// `[tokens x 2]`: the logits of every token as start and as end of the answer.
    Spans(Array2<f32>),
}

/// First and last token of the best answer within `context`, by [`Output::Spans`] and the engine's
/// rule; `None` in an empty context.
///
/// # Panics
/// When the context lies outside of the text.
pub fn best_span(logits: &Array2<f32>, context: Range<usize>) -> Option<(usize, usize)> {
    let scores = context.clone().map(|at| [logits[[at, 0]], logits[[at, 1]]]);
    let (first, last, _) = embert::heads::best_span(scores)?;
    Some((context.start + first, context.start + last))
}

/// Applies a head to the states of the last layer, `[tokens x hidden]`.
///
/// # Panics
/// When the head stands on a pooler that the model lacks, which no [`crate::checkpoint::Checkpoint`] does.
pub fn apply_head(model: &FloatModel, head: &FloatHead, states: &Array2<f32>) -> Output {
    match head {
        FloatHead::SequenceClassification {
            classifier,
            multi_label,
        } => {
            let (logits, probabilities) = label_text(model, classifier, *multi_label, states);
            Output::SequenceClassification {
                logits,
                probabilities,
            }
        }
        FloatHead::TokenClassification { classifier } => {
            let (logits, probabilities) = label_tokens(classifier, states);
            Output::TokenClassification {
                logits,
                probabilities,
            }
        }
        FloatHead::Embedding { pooling, normalize } => {
            let mut embedding = match pooling {
                Pooling::Mean => states.mean_axis(Axis(0)).expect("there are tokens"),
                Pooling::Cls => states.row(0).to_owned(),
                Pooling::Pooler => pool(model, states),
            };
            if *normalize {
                // The floor is that of PyTorch's `normalize`.
                embedding /= length(embedding.view()).max(1e-12);
            }
            Output::Embedding(embedding.to_vec())
        }
        FloatHead::Joint { intents, slots } => {
            let (intents, intent_probabilities) = label_text(model, intents, false, states);
            let (slots, slot_probabilities) = label_tokens(slots, states);
            Output::Joint {
                intents,
                intent_probabilities,
                slots,
                slot_probabilities,
            }
        }
        FloatHead::Spans { classifier } => Output::Spans(project(states, classifier)),
    }
}

/// Logits and probabilities, `[labels]`.
fn label_text(
    model: &FloatModel,
    classifier: &Dense,
    multi_label: bool,
    states: &Array2<f32>,
) -> (Vec<f32>, Vec<f32>) {
    let pooled = pool(model, states).insert_axis(Axis(0));
    let logits = project(&pooled, classifier);
    let mut probabilities = logits.clone();
    if multi_label {
        probabilities.mapv_inplace(|x| 1.0 / (1.0 + (-x).exp()));
    } else {
        softmax(&mut probabilities);
    }
    (
        logits.into_iter().collect(),
        probabilities.into_iter().collect(),
    )
}

/// Logits and probabilities, `[tokens x labels]`.
fn label_tokens(classifier: &Dense, states: &Array2<f32>) -> (Array2<f32>, Array2<f32>) {
    let logits = project(states, classifier);
    let mut probabilities = logits.clone();
    softmax(&mut probabilities);
    (logits, probabilities)
}

/// The pooler: a dense layer and tanh over the state of `[CLS]`.
fn pool(model: &FloatModel, states: &Array2<f32>) -> Array1<f32> {
    let pooler = model
        .pooler
        .as_ref()
        .expect("a checkpoint whose head needs a pooler has one");
    let mut pooled = project(&states.slice(s![0..1, ..]).to_owned(), pooler);
    pooled.mapv_inplace(f32::tanh);
    pooled.remove_axis(Axis(0))
}

fn length(vector: ArrayView1<'_, f32>) -> f32 {
    vector.dot(&vector).sqrt()
}
