//! What a model is calibrated with.

use super::QuantizeError;
use crate::checkpoint::Checkpoint;
use crate::tokenizer::Reader;

/// Texts that calibrate a model when the user gives none.
const DEFAULT_TEXTS: &str = include_str!("calibration.txt");

/// Sequences of random pieces that calibrate a model instead if it cannot read those texts.
const RANDOM_SEQUENCES: usize = 200;

/// Longest calibration text, in tokens.
const CALIBRATION_TOKENS: usize = 128;

/// The given texts, or the built-in ones, as the checkpoint's ids.
pub fn calibration_ids(
    checkpoint: &Checkpoint,
    reader: &Reader<'_>,
    given: &[String],
) -> Result<Vec<Vec<u32>>, QuantizeError> {
    let model = &checkpoint.model;
    let limit = CALIBRATION_TOKENS.min(model.positions());
    let ids_of = |text: &str| -> Result<Vec<u32>, QuantizeError> {
        let tokens = reader.tokens(text, limit)?;
        Ok(tokens.iter().map(|token| token.id).collect())
    };
    if !given.is_empty() {
        return given.iter().map(|text| ids_of(text)).collect();
    }
    let mut texts: Vec<Vec<u32>> = DEFAULT_TEXTS
        .lines()
        .map(ids_of)
        .collect::<Result<_, _>>()?;
    let tokens = texts.iter().flatten();
    let unknown = tokens
        .clone()
        .filter(|&&id| id == checkpoint.tokenizer.unk)
        .count();
    if 2 * unknown > tokens.count() {
        texts = random_pieces(checkpoint);
    }
    Ok(texts)
}

/// Texts for a model whose vocabulary is no English: reactions, proteins, another script.
fn random_pieces(checkpoint: &Checkpoint) -> Vec<Vec<u32>> {
    let model = &checkpoint.model;
    // A small linear congruential generator: the same blob every time.
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    let length = 32.min(model.positions());
    let mut text = || {
        let mut ids: Vec<u32> = (0..length)
            .map(|_| random(model.vocabulary()) as u32)
            .collect();
        ids[0] = checkpoint.tokenizer.cls;
        ids[length - 1] = checkpoint.tokenizer.sep;
        ids
    };
    (0..RANDOM_SEQUENCES).map(|_| text()).collect()
}
