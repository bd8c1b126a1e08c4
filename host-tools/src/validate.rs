//! How faithful a quantized model is to the float model it was made from.

use serde::Serialize;

use crate::reference::Output;

/// One text's results by both models, compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Decisions both models took: one per text, one per token, or none for embeddings.
    pub decisions: usize,
    /// Those they took alike.
    pub agreed: usize,
    /// Of the embeddings, or of the logits (for tokens, of all of them side by side).
    pub cosine: f64,
    /// Largest difference between two probabilities; 0 for embeddings.
    pub probability_gap: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the two models do not have the same head or width: they are not the same model")]
pub struct Incomparable;

impl Comparison {
    /// Compares what the float model says with what the quantized one says.
    ///
    /// Token labels are compared for the text's tokens alone: nobody reads those of `[CLS]` and
    /// `[SEP]`.
    pub fn new(
        float: &Output,
        quantized: &Output,
        multi_label: bool,
    ) -> Result<Self, Incomparable> {
        match (float, quantized) {
            (
                Output::SequenceClassification {
                    logits: a,
                    probabilities: p,
                },
                Output::SequenceClassification {
                    logits: b,
                    probabilities: q,
                },
            ) if a.len() == b.len() => {
                let same = if multi_label {
                    p.iter().zip(q).all(|(p, q)| (*p >= 0.5) == (*q >= 0.5))
                } else {
                    top(p) == top(q)
                };
                Ok(Self {
                    decisions: 1,
                    agreed: usize::from(same),
                    cosine: cosine(a, b),
                    probability_gap: gap(p, q),
                })
            }
            (
                Output::TokenClassification {
                    logits: a,
                    probabilities: p,
                },
                Output::TokenClassification {
                    logits: b,
                    probabilities: q,
                },
            ) if a.dim() == b.dim() => {
                let tokens = 1..a.nrows().saturating_sub(1).max(1);
                let mut comparison = Self {
                    decisions: tokens.len(),
                    agreed: 0,
                    cosine: 1.0,
                    probability_gap: 0.0,
                };
                let (mut of_float, mut of_quantized) = (Vec::new(), Vec::new());
                for token in tokens {
                    let (p, q) = (p.row(token).to_vec(), q.row(token).to_vec());
                    comparison.agreed += usize::from(top(&p) == top(&q));
                    comparison.probability_gap = comparison.probability_gap.max(gap(&p, &q));
                    of_float.extend(a.row(token));
                    of_quantized.extend(b.row(token));
                }
                comparison.cosine = cosine(&of_float, &of_quantized);
                Ok(comparison)
            }
            (Output::Embedding(a), Output::Embedding(b)) if a.len() == b.len() => Ok(Self {
                decisions: 0,
                agreed: 0,
                cosine: cosine(a, b),
                probability_gap: 0.0,
            }),
            _ => Err(Incomparable),
        }
    }

    fn disagreed(&self) -> usize {
        self.decisions - self.agreed
    }
}

/// All comparisons, summed up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub texts: usize,
    pub decisions: usize,
    /// Fraction of decisions taken alike; `None` for embeddings.
    pub agreement: Option<f64>,
    pub cosine_mean: f64,
    pub cosine_min: f64,
    pub probability_gap: f32,
    /// The texts with the most disagreements, then those with the lowest cosine.
    pub worst: Vec<Worst>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worst {
    pub text: String,
    #[serde(flatten)]
    pub comparison: Comparison,
}

impl Summary {
    /// Sums up one comparison per text, and keeps the `worst` worst; `None` without any text.
    pub fn new(texts: &[String], comparisons: &[Comparison], worst: usize) -> Option<Self> {
        let count = comparisons.len().min(texts.len());
        if count == 0 {
            return None;
        }
        let decisions: usize = comparisons
            .iter()
            .map(|comparison| comparison.decisions)
            .sum();
        let agreed: usize = comparisons.iter().map(|comparison| comparison.agreed).sum();
        let cosines = || comparisons.iter().map(|comparison| comparison.cosine);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&comparisons[a], &comparisons[b]);
            b.disagreed()
                .cmp(&a.disagreed())
                .then(a.cosine.total_cmp(&b.cosine))
        });
        Some(Self {
            texts: count,
            decisions,
            agreement: (decisions > 0).then(|| agreed as f64 / decisions as f64),
            cosine_mean: cosines().sum::<f64>() / count as f64,
            cosine_min: cosines().fold(f64::INFINITY, f64::min),
            probability_gap: comparisons
                .iter()
                .map(|comparison| comparison.probability_gap)
                .fold(0.0, f32::max),
            worst: order
                .into_iter()
                .take(worst)
                .map(|index| Worst {
                    text: texts[index].clone(),
                    comparison: comparisons[index],
                })
                .collect(),
        })
    }
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

fn gap(a: &[f32], b: &[f32]) -> f32 {
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
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
    use ndarray::{Array2, array};

    use super::*;

    fn tokens(logits: Array2<f32>) -> Output {
        Output::TokenClassification {
            probabilities: logits.clone(),
            logits,
        }
    }

    #[test]
    fn special_tokens_are_not_compared() {
        let float = tokens(array![[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]);
        let quantized = tokens(array![[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]);
        let comparison = Comparison::new(&float, &quantized, false).unwrap();
        assert_eq!((comparison.decisions, comparison.agreed), (2, 1));
        assert_eq!(comparison.probability_gap, 1.0);
    }

    #[test]
    fn an_empty_text_has_no_decisions() {
        let output = tokens(array![[1.0, 0.0], [0.0, 1.0]]);
        let comparison = Comparison::new(&output, &output, false).unwrap();
        assert_eq!(
            (comparison.decisions, comparison.agreed, comparison.cosine),
            (0, 0, 1.0)
        );
    }

    #[test]
    fn different_heads_cannot_be_compared() {
        let float = Output::Embedding(vec![1.0]);
        assert_eq!(
            Comparison::new(&float, &tokens(array![[1.0]]), false),
            Err(Incomparable)
        );
        assert_eq!(
            Comparison::new(&float, &Output::Embedding(vec![1.0, 2.0]), false),
            Err(Incomparable)
        );
    }

    #[test]
    fn multi_label_decisions_are_the_set_of_labels() {
        let output = |probabilities: Vec<f32>| Output::SequenceClassification {
            logits: probabilities.clone(),
            probabilities,
        };
        let (a, b, c) = (
            output(vec![0.9, 0.6]),
            output(vec![0.8, 0.7]),
            output(vec![0.9, 0.4]),
        );
        assert_eq!(Comparison::new(&a, &b, true).unwrap().agreed, 1);
        assert_eq!(Comparison::new(&a, &c, true).unwrap().agreed, 0);
    }

    #[test]
    fn the_worst_texts_come_first() {
        let comparison = |agreed, cosine| Comparison {
            decisions: 4,
            agreed,
            cosine,
            probability_gap: 0.0,
        };
        let texts = ["good", "bad", "worst"].map(String::from);
        let comparisons = [comparison(4, 0.9), comparison(4, 0.8), comparison(2, 0.99)];
        let summary = Summary::new(&texts, &comparisons, 2).unwrap();
        let worst: Vec<&str> = summary
            .worst
            .iter()
            .map(|worst| worst.text.as_str())
            .collect();
        assert_eq!(worst, ["worst", "bad"]);
        assert_eq!(summary.agreement, Some(10.0 / 12.0));
        assert_eq!(summary.cosine_min, 0.8);
        assert_eq!(Summary::new(&[], &[], 2), None);
    }
}
