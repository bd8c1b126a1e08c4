//! Results of the float and the quantized model, compared.

use embert::TokenLabel;
use ndarray::Array2;
use serde::Serialize;

use super::Answer;
use crate::reference::{Output, best_span};

/// One text's results by both models, compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Decisions both models took: one per text, one per token where tokens have labels, or none for
    /// embeddings.
    pub decisions: usize,
    /// Those they took alike.
    pub agreed: usize,
    /// Whether they read the same intent; `None` unless texts and tokens both have labels.
    pub same_intent: Option<bool>,
    /// Largest difference between the probabilities of a label; `None` for embeddings and spans.
    pub probability_gap: Option<f32>,
    /// Of the embeddings; `None` for classifiers.
    pub cosine: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the two models do not have the same head or width: they are not the same model")]
pub struct Incomparable;

impl Comparison {
    /// Compares what the float model says with what the quantized one says.
    ///
    /// Token labels are compared for the text's tokens alone: nobody reads those of `[CLS]` and
    /// `[SEP]`. They are `tags` where there are some, else the most probable ones. With
    /// `multi_label`, the decision is the set of labels above one half.
    ///
    /// # Errors
    /// When the two are not results of the same kind and size.
    pub fn new(
        float: &Output,
        tags: &[TokenLabel],
        quantized: &Answer,
        multi_label: bool,
    ) -> Result<Self, Incomparable> {
        match (float, quantized) {
            (
                Output::SequenceClassification {
                    probabilities: p, ..
                },
                Answer::Classes(q),
            ) if p.len() == q.len() => {
                let agrees = if multi_label {
                    p.iter().zip(q).all(|(p, q)| (*p >= 0.5) == (*q >= 0.5))
                } else {
                    top(p) == top(q)
                };
                Ok(Self::of_decisions(
                    1,
                    usize::from(agrees),
                    largest_gap(p, q),
                ))
            }
            (Output::TokenClassification { probabilities, .. }, Answer::Tokens(labels)) => {
                Self::of_tokens(probabilities, tags, labels)
            }
            (Output::Embedding(a), Answer::Embedding(b)) if a.len() == b.len() => Ok(Self {
                cosine: Some(cosine(a, b)),
                ..Self::default()
            }),
            (
                Output::Joint {
                    intent_probabilities: p,
                    slot_probabilities,
                    ..
                },
                Answer::Joint(q, labels),
            ) if p.len() == q.len() => {
                let tokens = Self::of_tokens(slot_probabilities, tags, labels)?;
                let gap = tokens.probability_gap.map(|gap| gap.max(largest_gap(p, q)));
                Ok(Self {
                    same_intent: Some(top(p) == top(q)),
                    probability_gap: gap,
                    ..tokens
                })
            }
            (Output::Spans(logits), Answer::Span { span, context })
                if context.end <= logits.nrows() =>
            {
                let agrees = best_span(logits, context.clone()) == *span;
                Ok(Self {
                    decisions: 1,
                    agreed: usize::from(agrees),
                    ..Self::default()
                })
            }
            _ => Err(Incomparable),
        }
    }

    /// Of the labels of all tokens but the first and the last, [CLS] and [SEP].
    fn of_tokens(
        probabilities: &Array2<f32>,
        tags: &[TokenLabel],
        labels: &[Option<(usize, f32)>],
    ) -> Result<Self, Incomparable> {
        if probabilities.nrows() != labels.len() {
            return Err(Incomparable);
        }
        let text_tokens = labels.len().saturating_sub(2);
        let (mut agreed, mut gap) = (0, 0.0_f32);
        let rows = probabilities.rows().into_iter().zip(labels);
        for (token, (p, label)) in rows.enumerate().skip(1).take(text_tokens) {
            // Where the text of the quantized model was cut, it says nothing.
            let Some((label, score)) = *label else {
                continue;
            };
            let p = p.to_vec();
            let likely = p.get(label).ok_or(Incomparable)?;
            let (top, likely) = match tags.get(token) {
                // The tag of a word is that of all its pieces.
                Some(tag) if tag.label as usize == label => (label, &tag.score),
                Some(tag) => (tag.label as usize, likely),
                None => (top(&p), likely),
            };
            agreed += usize::from(top == label);
            gap = gap.max((likely - score).abs());
        }
        Ok(Self::of_decisions(text_tokens, agreed, gap))
    }

    pub(super) fn of_decisions(decisions: usize, agreed: usize, gap: f32) -> Self {
        Self {
            decisions,
            agreed,
            probability_gap: Some(gap),
            ..Self::default()
        }
    }

    /// Larger is worse: disagreements first, then how far apart the numbers are.
    pub(super) fn error_rank(&self) -> (usize, f64) {
        let apart = match (self.probability_gap, self.cosine) {
            (Some(gap), _) => f64::from(gap),
            (None, cosine) => 1.0 - cosine.unwrap_or(1.0),
        };
        let other_intent = usize::from(self.same_intent == Some(false));
        (self.decisions - self.agreed + other_intent, apart)
    }
}

fn largest_gap(p: &[f32], q: &[f32]) -> f32 {
    let gaps = p.iter().zip(q).map(|(p, q)| (p - q).abs());
    gaps.fold(0.0, f32::max)
}

/// Index of the largest score, the first of equals.
fn top(scores: &[f32]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = index;
        }
    }
    best
}

/// 1 for two vectors of length 0, which point nowhere alike.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths == 0.0 {
        f64::from(u8::from(a == b))
    } else {
        dot(a, b) / lengths
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn tokens(probabilities: Array2<f32>) -> Output {
        Output::TokenClassification {
            logits: probabilities.clone(),
            probabilities,
        }
    }

    fn classes(probabilities: Vec<f32>) -> Output {
        Output::SequenceClassification {
            logits: probabilities.clone(),
            probabilities,
        }
    }

    #[test]
    fn special_tokens_are_not_compared() {
        let float = tokens(array![[1.0, 0.0], [0.2, 0.8], [0.75, 0.25], [1.0, 0.0]]);
        let quantized = Answer::Tokens(vec![
            Some((1, 1.0)),
            Some((1, 0.8)),
            Some((1, 1.0)),
            Some((1, 1.0)),
        ]);
        let comparison = Comparison::new(&float, &[], &quantized, false).unwrap();
        assert_eq!((comparison.decisions, comparison.agreed), (2, 1));
        assert_eq!(comparison.probability_gap, Some(0.75));
    }

    #[test]
    fn an_empty_text_has_no_decisions() {
        let float = tokens(array![[1.0, 0.0], [0.0, 1.0]]);
        let comparison = Comparison::new(
            &float,
            &[],
            &Answer::Tokens(vec![Some((0, 1.0)), Some((0, 1.0))]),
            false,
        )
        .unwrap();
        assert_eq!((comparison.decisions, comparison.agreed), (0, 0));
    }

    #[test]
    fn different_heads_cannot_be_compared() {
        let float = Output::Embedding(vec![1.0]);
        for quantized in [
            Answer::Classes(vec![1.0]),
            Answer::Embedding(vec![1.0, 2.0]),
        ] {
            assert_eq!(
                Comparison::new(&float, &[], &quantized, false),
                Err(Incomparable)
            );
        }
        let float = tokens(array![[1.0], [1.0], [1.0]]);
        let unknown_label = Answer::Tokens(vec![Some((0, 1.0)), Some((1, 1.0)), Some((0, 1.0))]);
        assert_eq!(
            Comparison::new(&float, &[], &unknown_label, false),
            Err(Incomparable)
        );
    }

    #[test]
    fn multi_label_decisions_are_the_set_of_labels() {
        let float = classes(vec![0.9, 0.6]);
        let agreed = |q: [f32; 2], multi_label| {
            Comparison::new(&float, &[], &Answer::Classes(q.into()), multi_label)
                .unwrap()
                .agreed
        };
        assert_eq!(agreed([0.6, 0.9], true), 1);
        assert_eq!(agreed([0.9, 0.4], true), 0);
        assert_eq!(agreed([0.6, 0.9], false), 0);
        assert_eq!(agreed([0.9, 0.4], false), 1);
    }

    #[test]
    fn embeddings_are_compared_by_direction() {
        let float = Output::Embedding(vec![1.0, 1.0]);
        let cosine = |vector: [f32; 2]| {
            Comparison::new(&float, &[], &Answer::Embedding(vector.into()), false)
                .unwrap()
                .cosine
                .unwrap()
        };
        assert!((cosine([3.0, 3.0]) - 1.0).abs() < 1e-12);
        assert!((cosine([1.0, 0.0]) - 0.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(cosine([0.0, 0.0]), 0.0);
    }

    #[test]
    fn intents_and_slots_are_compared_apart() {
        let slots = array![[1.0, 0.0], [0.2, 0.8], [0.75, 0.25], [1.0, 0.0]];
        let float = Output::Joint {
            intents: vec![0.0, 1.0],
            intent_probabilities: vec![0.25, 0.75],
            slots: slots.clone(),
            slot_probabilities: slots,
        };
        let labels = vec![Some((0, 1.0)), Some((1, 0.75)), Some((0, 0.75)), None];
        let quantized = Answer::Joint(vec![1.0, 0.0], labels.clone());
        let comparison = Comparison::new(&float, &[], &quantized, false).unwrap();
        assert_eq!((comparison.decisions, comparison.agreed), (2, 2));
        assert_eq!(comparison.same_intent, Some(false));
        assert_eq!(comparison.probability_gap, Some(0.75));
        assert_eq!(comparison.error_rank().0, 1);
        let another = Answer::Joint(vec![1.0], labels);
        assert_eq!(
            Comparison::new(&float, &[], &another, false),
            Err(Incomparable)
        );
    }

    #[test]
    fn answers_agree_if_all_their_tokens_do() {
        // The best within the context, which the first two tokens do not belong to.
        let float = Output::Spans(array![
            [9.0, 9.0],
            [9.0, 9.0],
            [1.0, 0.0],
            [2.0, 3.0],
            [0.0, 9.0]
        ]);
        let agreed = |span| {
            let context = 2..4;
            let quantized = Answer::Span { span, context };
            Comparison::new(&float, &[], &quantized, false)
                .unwrap()
                .agreed
        };
        assert_eq!(agreed(Some((3, 3))), 1);
        assert_eq!(agreed(Some((2, 3))), 0);
        assert_eq!(agreed(None), 0);
    }
}
