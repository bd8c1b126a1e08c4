//! Reports made of what the engine read.

use embert::text::Token;
use embert::{Engine, HeadKind, Model, Output, Prediction, RunError, Windows};

use crate::question_windows::BestAnswer;

use super::{Entity, LabelScore, Outcome, Report, Span, TokenLabel, Truncation};

impl Report {
    /// What the engine reads in `text`, with every token's label if `with_tokens`: in all of it
    /// where the model labels tokens alone, else in as much as there is room for.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn read(
        engine: &mut Engine<'_, '_>,
        text: &str,
        with_tokens: bool,
    ) -> Result<Self, RunError> {
        let model = *engine.model();
        if model.shape().head != HeadKind::TokenClassification {
            return Ok(Self::new(&model, text, &engine.run(text)?, with_tokens));
        }
        let (mut read, mut entities, mut tokens) = (0, Vec::new(), Vec::new());
        let mut windows = Windows::new(text);
        while let Some(window) = windows.next(engine)? {
            read += window.reading.tokens.len();
            entities.extend(listed(text, window.entities()));
            tokens.extend(token_labels(&model, window.labels()));
        }
        Ok(Self {
            question: None,
            text: text.to_owned(),
            tokens: read,
            truncation: None,
            result: Outcome::TokenClassification {
                entities,
                tokens: with_tokens.then_some(tokens),
            },
        })
    }

    /// What the engine read in `text`, with every token's label if `with_tokens`.
    fn new(model: &Model<'_>, text: &str, reading: &Prediction<'_>, with_tokens: bool) -> Self {
        let tokens = |labels: &[embert::TokenLabel]| {
            with_tokens.then(|| token_labels(model, reading.tokens.iter().zip(labels)))
        };
        let result = match &reading.output {
            Output::Classes { probabilities, .. } => Outcome::SequenceClassification {
                labels: ranked(model, probabilities),
            },
            Output::Tokens { labels, entities } => Outcome::TokenClassification {
                entities: listed(text, entities.clone()),
                tokens: tokens(labels),
            },
            Output::Embedding(vector) => Outcome::Embedding {
                vector: vector.to_vec(),
            },
            Output::Joint {
                probabilities,
                labels,
                entities,
            } => Outcome::Joint {
                labels: ranked(model, probabilities),
                entities: listed(text, entities.clone()),
                tokens: tokens(labels),
            },
            &Output::Answer { span, null_score } => answer(text, BestAnswer { span, null_score }),
        };
        Self {
            question: None,
            text: text.to_owned(),
            tokens: reading.tokens.len(),
            truncation: reading.truncated.map(|truncation| Truncation {
                tokens_needed: truncation.needed,
                bytes_read: truncation.covered_a as usize,
            }),
            result,
        }
    }

    /// The same of a question and the context to answer it from, which is the report's text.
    pub fn of_pair(
        model: &Model<'_>,
        question: &str,
        context: &str,
        reading: &Prediction<'_>,
        with_tokens: bool,
    ) -> Self {
        let report = Self::new(model, context, reading, with_tokens);
        Self {
            question: Some(question.to_owned()),
            truncation: reading.truncated.map(|truncation| Truncation {
                tokens_needed: truncation.needed,
                bytes_read: truncation.covered_b as usize,
            }),
            ..report
        }
    }

    /// What was found in all windows of a context, of which the model read so many tokens.
    pub fn of_windows(question: &str, context: &str, tokens: usize, found: BestAnswer) -> Self {
        Self {
            question: Some(question.to_owned()),
            text: context.to_owned(),
            tokens,
            truncation: None,
            result: answer(context, found),
        }
    }
}

fn answer(text: &str, BestAnswer { span, null_score }: BestAnswer) -> Outcome {
    Outcome::Answer {
        span: span.map(|span| Span {
            text: part(text, span.start, span.end),
            start: span.start,
            end: span.end,
            score: span.score,
        }),
        null_score,
    }
}

/// The text's labels, the most probable first.
fn ranked(model: &Model<'_>, probabilities: &[f32]) -> Vec<LabelScore> {
    let scores = model.labels().iter().zip(probabilities);
    let mut labels: Vec<LabelScore> = scores
        .map(|(label, &probability)| LabelScore {
            label: label.to_owned(),
            probability,
        })
        .collect();
    // Stable: equals stay in the model's order.
    labels.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    labels
}

fn listed<'e>(text: &str, entities: impl Iterator<Item = embert::Entity<'e>>) -> Vec<Entity> {
    let entities = entities.map(|entity| Entity {
        label: entity.label.to_owned(),
        text: part(text, entity.start, entity.end),
        start: entity.start,
        end: entity.end,
        score: entity.score,
    });
    entities.collect()
}

/// The labels of the text's own tokens.
fn token_labels<'e>(
    model: &Model<'_>,
    labelled: impl Iterator<Item = (&'e Token, &'e embert::TokenLabel)>,
) -> Vec<TokenLabel> {
    let labelled = labelled.filter(|(token, _)| token.start < token.end);
    let vocabulary = model.tokenizer().vocabulary();
    labelled
        .map(|(token, label)| TokenLabel {
            piece: vocabulary
                .piece(token.id)
                .map(|piece| piece.to_string())
                .unwrap_or_default(),
            start: token.start as usize,
            end: token.end as usize,
            label: model.token_labels().name(label.label as usize).to_owned(),
            score: label.score,
        })
        .collect()
}

fn part(text: &str, start: usize, end: usize) -> String {
    text.get(start..end).unwrap_or_default().to_owned()
}
