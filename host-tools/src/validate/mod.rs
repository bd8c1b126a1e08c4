//! How faithful a quantized model is to the float model it was made from.

mod comparison;

use embert::{Engine, Model, RunError, ScratchError, blob::flags, scratch_bytes};
use rayon::prelude::*;
use thiserror::Error;

pub use comparison::{Answer, Comparison, Cosine, Incomparable, Summary, Worst};

use crate::{
    blob::AlignedBytes,
    checkpoint::Checkpoint,
    reference::{self, InputError},
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
    #[error("{0} (was the blob made with another --head?)")]
    Incomparable(#[from] Incomparable),
    #[error("the int8 model: {0}")]
    Scratch(#[from] ScratchError),
    #[error("the int8 model: {0}")]
    Run(#[from] RunError),
    #[error("the float model: {0}")]
    Input(#[from] InputError),
}

/// Runs both models over every text, in parallel, and compares what they say. Both read the
/// tokens that the blob's tokenizer makes. `done` is called after each text.
///
/// # Errors
/// When the checkpoint and the blob are not the same model.
pub fn compare(
    checkpoint: &Checkpoint,
    model: &Model<'_>,
    texts: &[String],
    done: impl Fn() + Sync,
) -> Result<Vec<Comparison>, ValidateError> {
    check_same_model(checkpoint, model)?;
    let shape = model.shape();
    let multi_label = model.header().flag(flags::MULTI_LABEL);
    texts
        .par_iter()
        .map_init(
            || AlignedBytes::zeroed(scratch_bytes(shape, shape.positions)),
            |scratch, text| {
                let mut engine = Engine::new(model, scratch)?;
                let reading = engine.run(text)?;
                let ids: Vec<u32> = reading.tokens.iter().map(|token| token.id).collect();
                let quantized = Answer::from(&reading.output);
                let float = reference::forward(checkpoint, &ids)?.output;
                done();
                Ok(Comparison::new(&float, &quantized, multi_label)?)
            },
        )
        .collect()
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
        ("the vocabulary size", shape.vocabulary, float.vocabulary()),
        (
            "the number of positions",
            shape.positions,
            float.positions(),
        ),
        (
            "the number of labels",
            shape.labels,
            checkpoint.labels.len(),
        ),
    ];
    match pairs
        .into_iter()
        .find(|(_, blob, checkpoint)| blob != checkpoint)
    {
        Some((what, blob, checkpoint)) => Err(ValidateError::AnotherModel {
            what,
            blob,
            checkpoint,
        }),
        None => Ok(()),
    }
}
