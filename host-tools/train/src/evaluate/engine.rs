//! What a blob says of examples: the integer engine's own answers, which are what counts.

use crate::evaluate::predict::largest;
use crate::example::{Example, firsts};
use crate::task::{Prediction, Task};
use embert::text::Token;
use embert::{Engine, EngineOptions, HeadKind, Model, Output, RunError, TokenLabel, Windows};
use embert_tools::blob::AlignedBytes;
use embert_tools::question_windows::BestAnswer;
use embert_tools::threads::TILE;
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
    let predict_blob = predict_blob(model, examples)?.into_iter();
    let predicted = predict_blob.map(|prediction| Prediction {
        classes: match prediction.text[..] {
            [] => Vec::new(),
            ref probabilities => classes(probabilities, task.multi_label),
        },
        // `O`, the first, for words that are not seen.
        tags: prediction
            .words
            .iter()
            .map(|word| word.map_or(0, |word| word.label as usize))
            .collect(),
        answer: prediction.answer,
    });
    Ok(predicted.collect())
}

/// What a blob says of an example, and how sure it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BlobPrediction {
    /// The probability of each label of texts; empty where these have none.
    pub text: Vec<f32>,
    /// The label of each word; none for those it does not see.
    pub words: Vec<Option<TokenLabel>>,
    /// What is found in a window of a context, where examples are those.
    pub answer: Option<BestAnswer>,
}

/// The predict_blob of a blob. Where words have labels and texts have none, all of a text is read,
/// however long it is.
///
/// # Errors
/// When a text cannot be read.
pub fn predict_blob(
    model: &Model<'_>,
    examples: &[Example],
) -> Result<Vec<BlobPrediction>, RunError> {
    let settings = EngineOptions {
        tile: TILE,
        ..EngineOptions::default()
    };
    let plan = settings.plan(model.shape(), model.shape().positions);
    let mut scratch = AlignedBytes::zeroed(plan.bytes());
    let mut engine =
        Engine::with(model, &mut scratch, settings).expect("a scratch as large as planned");
    let all = examples.iter().map(|example| match &example.pair {
        Some(pair) => Ok(prediction(example, engine.run_pair(&example.text, pair)?)),
        None if model.shape().head == HeadKind::TokenClassification => {
            let mut words = vec![None; example.words.len()];
            let mut windows = Windows::new(&example.text);
            while let Some(window) = windows.next(&mut engine)? {
                of_words(example, window.labels(), &mut words);
            }
            Ok(BlobPrediction {
                words,
                ..BlobPrediction::default()
            })
        }
        None => Ok(prediction(example, engine.run(&example.text)?)),
    });
    all.collect()
}

fn prediction(example: &Example, reading: embert::Prediction<'_>) -> BlobPrediction {
    let mut words = vec![None; example.words.len()];
    let labelled = reading.tokens.iter().zip(reading.labels());
    of_words(example, labelled, &mut words);
    let mut prediction = BlobPrediction {
        words,
        ..BlobPrediction::default()
    };
    match reading.output {
        Output::Classes { probabilities, .. } | Output::Joint { probabilities, .. } => {
            prediction.text = probabilities.to_vec();
        }
        Output::Answer { span, null_score } => {
            let start = example.window.as_ref().map_or(0, |window| window.start);
            prediction.answer = Some(BestAnswer { span, null_score }.shifted(start));
        }
        Output::Tokens { .. } | Output::Embedding(_) => {}
    }
    prediction
}

/// Notes the label of the first token of each word that tokens are of.
fn of_words<'t>(
    example: &Example,
    labelled: impl Iterator<Item = (&'t Token, &'t TokenLabel)>,
    words: &mut [Option<TokenLabel>],
) {
    let (tokens, labels): (Vec<&Token>, Vec<&TokenLabel>) = labelled.unzip();
    let token = |token: &&Token| token.start as usize..token.end as usize;
    let tokens: Vec<Range<usize>> = tokens.iter().map(token).collect();
    let places = example.words.iter().map(|word| word.place.clone());
    let firsts = firsts(&places.collect::<Vec<_>>(), &tokens);
    for (word, first) in words.iter_mut().zip(firsts) {
        // The first window that has a token of it.
        *word = word.or(first.map(|first| *labels[first]));
    }
}

/// The most probable class, or all that are more probable than not.
fn classes(probabilities: &[f32], multi_label: bool) -> Vec<usize> {
    let numbered = probabilities.iter().enumerate();
    match multi_label {
        true => numbered
            .filter(|(_, p)| **p > 0.5)
            .map(|(index, _)| index)
            .collect(),
        false => vec![largest(probabilities)],
    }
}
