//! What a blob says of examples: the integer engine's own answers, which are what counts.

use crate::example::{Example, firsts};
use crate::predict::{Prediction, Task, largest};
use embert::text::Token;
use embert::{Engine, Model, Output, Reading, RunError, Settings, TokenLabel};
use embert_tools::blob::AlignedBytes;
use embert_tools::threads::TILE;
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
    read(model, examples, |example, reading| match reading.output {
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
}

/// What a blob says of an example, and how sure it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opinion {
    /// The probability of each label of texts; empty where these have none.
    pub text: Vec<f32>,
    /// The label of each word; none for those it does not see.
    pub words: Vec<Option<TokenLabel>>,
}

/// The opinions of a blob.
///
/// # Errors
/// When a text cannot be read.
pub fn opinions(model: &Model<'_>, examples: &[Example]) -> Result<Vec<Opinion>, RunError> {
    read(model, examples, |example, reading| {
        let words = |labels| of_words(example, reading.tokens, labels);
        match reading.output {
            Output::Classes { probabilities, .. } => Opinion {
                text: probabilities.to_vec(),
                words: Vec::new(),
            },
            Output::Tokens { labels, .. } => Opinion {
                text: Vec::new(),
                words: words(labels),
            },
            Output::Joint {
                probabilities,
                labels,
                ..
            } => Opinion {
                text: probabilities.to_vec(),
                words: words(labels),
            },
            Output::Embedding(_) | Output::Answer { .. } => Opinion::default(),
        }
    })
}

/// What becomes of what a blob reads in the text of each example.
fn read<T>(
    model: &Model<'_>,
    examples: &[Example],
    made: impl Fn(&Example, Reading<'_>) -> T,
) -> Result<Vec<T>, RunError> {
    let settings = Settings {
        tile: TILE,
        ..Settings::default()
    };
    let plan = settings.plan(model.shape(), model.shape().positions);
    let mut scratch = AlignedBytes::zeroed(plan.bytes());
    let mut engine =
        Engine::with(model, &mut scratch, settings).expect("a scratch as large as planned");
    let all = examples.iter().map(|example| {
        let reading = match &example.pair {
            Some(pair) => engine.run_pair(&example.text, pair)?,
            None => engine.run(&example.text)?,
        };
        Ok(made(example, reading))
    });
    all.collect()
}

/// The tag of each word; the first, `O`, for those that are not seen.
fn tags(example: &Example, tokens: &[Token], labels: &[TokenLabel]) -> Vec<usize> {
    let labels = of_words(example, tokens, labels).into_iter();
    labels
        .map(|label| label.map_or(0, |label| label.label as usize))
        .collect()
}

/// The label of each word's first token.
fn of_words(example: &Example, tokens: &[Token], labels: &[TokenLabel]) -> Vec<Option<TokenLabel>> {
    let places: Vec<Range<usize>> = tokens
        .iter()
        .map(|token| token.start as usize..token.end as usize)
        .collect();
    let words: Vec<Range<usize>> = example
        .words
        .iter()
        .map(|word| word.place.clone())
        .collect();
    let label = |token: Option<usize>| token.and_then(|token| labels.get(token)).copied();
    firsts(&words, &places).into_iter().map(label).collect()
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
