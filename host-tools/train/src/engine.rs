//! What a blob says of examples: the integer engine's own answers, which are what counts.

use crate::example::{Example, firsts};
use crate::predict::{Prediction, Task, largest};
use embert::memory::{Plan, TILE};
use embert::text::Token;
use embert::{Engine, Model, Output, RunError, Settings, TokenLabel};
use embert_tools::blob::AlignedBytes;
use embert_tools::windows::Found;
use std::ops::Range;

/// The predictions of a blob, by the texts of the examples.
///
/// # Errors
/// When a text cannot be read.
pub fn predict(
    model: &Model<'_>,
    task: &Task,
    examples: &[Example],
) -> Result<Vec<Prediction>, RunError> {
    let plan = Plan::new(model.shape(), model.shape().positions, TILE, 1);
    let mut scratch = AlignedBytes::zeroed(plan.bytes());
    let mut engine = Engine::with(model, &mut scratch, Settings::default())
        .expect("a scratch as large as planned");
    let predictions = examples.iter().map(|example| {
        let reading = match &example.pair {
            Some(pair) => engine.run_pair(&example.text, pair)?,
            None => engine.run(&example.text)?,
        };
        Ok(match reading.output {
            Output::Classes { probabilities, .. } => Prediction {
                classes: classes(probabilities, task.several),
                ..Prediction::default()
            },
            Output::Tokens { labels, .. } => Prediction {
                tags: tags(example, reading.tokens, labels),
                ..Prediction::default()
            },
            Output::Joint {
                probabilities,
                labels,
                ..
            } => Prediction {
                classes: classes(probabilities, false),
                tags: tags(example, reading.tokens, labels),
                found: None,
            },
            Output::Answer { span, null_score } => {
                let found = Found { span, null_score };
                let start = example.window.as_ref().map_or(0, |window| window.start);
                Prediction {
                    found: Some(found.shifted(start)),
                    ..Prediction::default()
                }
            }
            Output::Embedding(_) => Prediction::default(),
        })
    });
    predictions.collect()
}

/// The label of each word's first token.
fn tags(example: &Example, tokens: &[Token], labels: &[TokenLabel]) -> Vec<usize> {
    let places: Vec<Range<usize>> = tokens
        .iter()
        .map(|token| token.start as usize..token.end as usize)
        .collect();
    let words: Vec<Range<usize>> = example
        .words
        .iter()
        .map(|word| word.place.clone())
        .collect();
    let tag = |token: Option<usize>| {
        let label = token.and_then(|token| labels.get(token));
        label.map_or(0, |label| label.label as usize)
    };
    firsts(&words, &places).into_iter().map(tag).collect()
}

/// The most probable class, or all that are more probable than not.
fn classes(probabilities: &[f32], several: bool) -> Vec<usize> {
    let numbered = probabilities.iter().enumerate();
    match several {
        true => numbered
            .filter(|(_, p)| **p > 0.5)
            .map(|(index, _)| index)
            .collect(),
        false => vec![largest(probabilities)],
    }
}
