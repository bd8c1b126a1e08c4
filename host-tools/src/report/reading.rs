//! Reports made of what the engine read.

use embert::{Model, Output, Reading};

use super::{Entity, LabelScore, Outcome, Report, TokenLabel, Truncation};

impl Report {
    /// What the engine read in `text`, with every token's label if `with_tokens`.
    pub fn new(model: &Model<'_>, text: &str, reading: &Reading<'_>, with_tokens: bool) -> Self {
        let name = |label: usize| model.labels().name(label).to_owned();
        let result = match &reading.output {
            Output::Classes { probabilities, .. } => {
                let scores = probabilities.iter().enumerate();
                let mut labels: Vec<LabelScore> = scores
                    .map(|(label, &probability)| LabelScore {
                        label: name(label),
                        probability,
                    })
                    .collect();
                // Stable: equals stay in the model's order.
                labels.sort_by(|a, b| b.probability.total_cmp(&a.probability));
                Outcome::SequenceClassification { labels }
            }
            Output::Tokens { labels, entities } => {
                let entities = entities.clone().map(|entity| Entity {
                    label: entity.label.to_owned(),
                    text: text
                        .get(entity.start..entity.end)
                        .unwrap_or_default()
                        .to_owned(),
                    start: entity.start,
                    end: entity.end,
                    score: entity.score,
                });
                let from_text = |token: &embert::text::Token| token.start < token.end;
                let tokens = || {
                    let labelled = reading.tokens.iter().zip(*labels);
                    let labelled = labelled.filter(|(token, _)| from_text(token));
                    labelled
                        .map(|(token, label)| TokenLabel {
                            piece: model
                                .tokenizer()
                                .vocabulary()
                                .piece(token.id)
                                .map(|piece| piece.to_string())
                                .unwrap_or_default(),
                            start: token.start as usize,
                            end: token.end as usize,
                            label: name(label.label as usize),
                            score: label.score,
                        })
                        .collect()
                };
                Outcome::TokenClassification {
                    entities: entities.collect(),
                    tokens: with_tokens.then(tokens),
                }
            }
            Output::Embedding(vector) => Outcome::Embedding {
                vector: vector.to_vec(),
            },
        };
        Self {
            text: text.to_owned(),
            tokens: reading.tokens.len(),
            truncation: reading.truncated.map(|truncation| Truncation {
                tokens_needed: truncation.needed,
                bytes_read: truncation.covered_a as usize,
            }),
            result,
        }
    }
}
