//! How faithful a quantized model is to the float model it was made from.

mod answer;
mod comparison;
mod summary;

use std::collections::HashSet;

use embert::{
    Engine, HeadKind, Model, RunError, ScratchError, TokenLabel, blob::flags, heads::WordPosition,
    scratch_bytes, text::Token,
};
use rayon::prelude::*;
use thiserror::Error;

pub use answer::Answer;
pub use comparison::{Comparison, Incomparable};
pub use summary::{Cosine, Summary, Worst};

use crate::{
    blob::AlignedBytes,
    checkpoint::Checkpoint,
    reference::{self, InputError, Output},
    tags,
    tokenizer::{StoredTokenizer, TokenizerBuildError},
};

#[derive(Debug, Error)]
pub enum ValidateError {
    #[error(
        "the blob was not made from this checkpoint: {what} is {blob} in the blob, {checkpoint} in \
         the checkpoint"
    )]
    AnotherModel {
        what: &'static str,
        blob: usize,
        checkpoint: usize,
    },
    #[error(
        "the blob was not made from this checkpoint: its vocabulary has {0:?}, the checkpoint's has not"
    )]
    AnotherVocabulary(String),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerBuildError),
    #[error(
        "the model answers questions: each line is to be a question, a tab, and the text with the \
         answer, which {0:?} is not"
    )]
    NoQuestion(String),
    #[error("{0} (was the blob made with another --head?)")]
    Incomparable(#[from] Incomparable),
    #[error("the int8 model: {0}")]
    Scratch(#[from] ScratchError),
    #[error("the int8 model: {0}")]
    Run(#[from] RunError),
    #[error("the float model: {0}")]
    Input(#[from] InputError),
}

/// Runs both models over every text, in parallel, and compares what they say. Each reads the
/// tokens of its own vocabulary, which differ if the blob's was pruned. `done` is called after each
/// text. Of models that answer questions, a text is a question, a tab and its context.
///
/// # Errors
/// When the checkpoint and the blob are not the same model, or there is no question.
pub fn compare(
    checkpoint: &Checkpoint,
    model: &Model<'_>,
    texts: &[String],
    done: impl Fn() + Sync,
) -> Result<Vec<Comparison>, ValidateError> {
    check_same_model(checkpoint, model)?;
    let shape = model.shape();
    let multi_label = model.header().flag(flags::MULTI_LABEL);
    let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer)?;
    let reader = tokenizer.reader()?;
    texts
        .par_iter()
        .map_init(
            || AlignedBytes::zeroed(scratch_bytes(shape, shape.positions)),
            |scratch, text| {
                let mut engine = Engine::new(model, scratch)?;
                let limit = shape.positions;
                let (reading, encoded) = if shape.head == HeadKind::Spans {
                    let pair = text.split_once('\t');
                    let (question, context) =
                        pair.ok_or_else(|| ValidateError::NoQuestion(text.clone()))?;
                    let reading = engine.run_pair(question, context)?;
                    (reading, reader.pair(question, context, limit))
                } else {
                    let alone = |tokens: Vec<Token>| {
                        let len = tokens.len();
                        (tokens, len)
                    };
                    (engine.run(text)?, reader.tokens(text, limit).map(alone))
                };
                let (tokens, segment_b) = encoded.map_err(RunError::Encode)?;
                let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
                let quantized = Answer::new(&reading, &tokens, segment_b);
                let float = reference::forward(checkpoint, &ids, segment_b)?.output;
                let places = tokens.iter().map(|token| reader.place(token)).collect();
                let tags = tags_of(checkpoint, places, &float);
                done();
                Ok(Comparison::new(&float, &tags, &quantized, multi_label)?)
            },
        )
        .collect()
}

/// The float model's tags of words; none where each token has a label of its own.
fn tags_of(checkpoint: &Checkpoint, places: Vec<WordPosition>, float: &Output) -> Vec<TokenLabel> {
    let logits = match float {
        Output::TokenClassification { logits, .. } | Output::Joint { slots: logits, .. } => logits,
        _ => return Vec::new(),
    };
    if !checkpoint.iob2 {
        return Vec::new();
    }
    let row = |token: usize| logits.row(token).to_slice().expect("rows are whole");
    tags::decode(&checkpoint.labels, &places, row)
}

fn check_same_model(checkpoint: &Checkpoint, model: &Model<'_>) -> Result<(), ValidateError> {
    let (float, shape) = (&checkpoint.model, model.shape());
    let pairs = [
        ("the number of layers", shape.layers, float.layers.len()),
        ("the hidden size", shape.hidden, float.hidden),
        ("the number of attention heads", shape.heads, float.heads),
        (
            "the intermediate size",
            shape.intermediate,
            float.intermediate,
        ),
        (
            "the number of positions",
            shape.positions,
            float.positions(),
        ),
        (
            "the number of labels",
            shape.labels + shape.token_labels,
            checkpoint.intents.len() + checkpoint.labels.len(),
        ),
    ];
    let differs = pairs
        .into_iter()
        .find(|(_, blob, checkpoint)| blob != checkpoint);
    if let Some((what, blob, checkpoint)) = differs {
        return Err(ValidateError::AnotherModel {
            what,
            blob,
            checkpoint,
        });
    }
    let known: HashSet<&str> = checkpoint
        .tokenizer
        .pieces
        .iter()
        .map(String::as_str)
        .collect();
    let vocabulary = model.tokenizer().vocabulary();
    let pieces = (0..vocabulary.len() as u32).filter_map(|id| vocabulary.piece(id));
    match pieces
        .map(|piece| piece.to_string())
        .find(|piece| !known.contains(&**piece))
    {
        Some(piece) => Err(ValidateError::AnotherVocabulary(piece)),
        None => Ok(()),
    }
}
