//! What a model is calibrated with.

use super::QuantizeError;
use crate::checkpoint::{Checkpoint, TokenizerSpec};
use embert::text::{Normalizer, Token, Tokenizer, TokenizerParts, Vocabulary};

/// Texts that calibrate a model when the user gives none.
const DEFAULT_TEXTS: &str = include_str!("calibration.txt");

/// Sequences of random pieces that calibrate a model instead if it cannot read those texts.
const RANDOM_SEQUENCES: usize = 200;

/// Longest calibration text, in tokens.
const CALIBRATION_TOKENS: usize = 128;

/// The given texts, or the built-in ones, as ids; `section` is the blob's vocabulary.
pub fn calibration_ids(
    checkpoint: &Checkpoint,
    section: &[u8],
    given: &[String],
) -> Result<Vec<Vec<u32>>, QuantizeError> {
    let model = &checkpoint.model;
    let tokenizer = tokenizer(&checkpoint.tokenizer, section)?;
    let mut tokens = vec![Token::default(); CALIBRATION_TOKENS.min(model.positions())];
    let mut ids_of = |text: &str| -> Result<Vec<u32>, QuantizeError> {
        let encoding = tokenizer
            .encode(text, &mut tokens)
            .map_err(|error| QuantizeError::Tokenizer(error.to_string()))?;
        Ok(tokens[..encoding.len]
            .iter()
            .map(|token| token.id)
            .collect())
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

fn tokenizer<'a>(spec: &TokenizerSpec, section: &'a [u8]) -> Result<Tokenizer<'a>, QuantizeError> {
    let unsupported = |error: String| QuantizeError::Tokenizer(error);
    let vocabulary = Vocabulary::parse(section).map_err(|error| unsupported(error.to_string()))?;
    Tokenizer::new(TokenizerParts {
        vocabulary,
        normalizer: Normalizer {
            clean_text: spec.clean_text,
            handle_chinese_chars: spec.handle_chinese_chars,
            strip_accents: spec.strip_accents,
            lowercase: spec.lowercase,
        },
        cls: spec.cls,
        sep: spec.sep,
        unk: spec.unk,
        max_word_chars: spec.max_input_chars_per_word,
    })
    .map_err(|error| unsupported(error.to_string()))
}
