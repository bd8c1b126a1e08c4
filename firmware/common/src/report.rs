//! What the model read and found, as responses.

use core::fmt::Write;

use embert::text::Token;
use embert::{Model, Output, Reading, TokenLabel};
use embert_wire::{Head, MAX_RESPONSE_BYTES, NUMBERS_PER_RESPONSE, Response, Truncation};
use heapless::String;

use crate::failure::Failure;
use crate::link;

/// Sends a reading, part by part.
pub fn send(model: &Model, reading: &Reading, with_tokens: bool) -> Result<(), Failure> {
    link::send(&Response::Read {
        tokens: reading.tokens.len() as u32,
        truncation: reading.truncated.map(|truncation| Truncation {
            tokens_needed: truncation.needed as u32,
            bytes_read: truncation.covered_a,
        }),
        head: match reading.output {
            Output::Classes { .. } => Head::Classes,
            Output::Tokens { .. } => Head::Tokens,
            Output::Embedding(_) => Head::Embedding,
        },
    })?;
    match &reading.output {
        Output::Classes { probabilities, .. } => {
            for (index, &probability) in probabilities.iter().enumerate() {
                let label = model.labels().name(index);
                link::send(&Response::Class { label, probability })?;
            }
        }
        Output::Tokens { labels, entities } => {
            for entity in entities.clone() {
                link::send(&Response::Entity {
                    label: entity.label,
                    start: entity.start as u32,
                    end: entity.end as u32,
                    score: entity.score,
                })?;
            }
            if with_tokens {
                send_tokens(model, reading.tokens, labels)?;
            }
        }
        Output::Embedding(vector) => {
            for numbers in vector.chunks(NUMBERS_PER_RESPONSE) {
                link::send(&Response::Numbers(numbers.iter().copied().collect()))?;
            }
        }
    }
    Ok(())
}

fn send_tokens(model: &Model, tokens: &[Token], labels: &[TokenLabel]) -> Result<(), Failure> {
    let vocabulary = model.tokenizer().vocabulary();
    for (token, found) in tokens.iter().zip(labels) {
        // `[CLS]` and `[SEP]` come from nowhere in the text.
        if token.start < token.end {
            let mut piece: String<MAX_RESPONSE_BYTES> = String::new();
            if let Some(bytes) = vocabulary.piece(token.id) {
                write!(piece, "{bytes}").map_err(|_| Failure::ResponseTooLong)?;
            }
            link::send(&Response::Token {
                piece: &piece,
                start: token.start,
                end: token.end,
                label: model.labels().name(found.label as usize),
                score: found.score,
            })?;
        }
    }
    Ok(())
}
