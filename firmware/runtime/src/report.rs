//! What the model read and found, as responses.

use core::fmt::Write;

use embert::text::Token;
use embert::{Entity, Model, Output, Prediction, TokenLabel, Window};
use embert_protocol::{Head, MAX_RESPONSE_BYTES, NUMBERS_PER_RESPONSE, Response, Span, Truncation};
use heapless::String;

use crate::failure::Failure;
use crate::link;

/// Sends a reading, of a pair if there was a question, part by part.
pub fn send(
    model: &Model,
    reading: &Prediction,
    asked: bool,
    with_tokens: bool,
) -> Result<(), Failure> {
    let head = match reading.output {
        Output::Classes { .. } => Head::Classes,
        Output::Tokens { .. } => Head::Tokens,
        Output::Embedding(_) => Head::Embedding,
        Output::Joint { .. } => Head::Joint,
        Output::Answer { .. } => Head::Answer,
    };
    link::send(&Response::Read {
        tokens: reading.tokens.len() as u32,
        truncation: reading.truncated.map(|truncation| Truncation {
            tokens_needed: truncation.needed as u32,
            bytes_read: match asked {
                true => truncation.covered_b,
                false => truncation.covered_a,
            },
        }),
        head,
    })?;
    match &reading.output {
        Output::Classes { probabilities, .. } => send_classes(model, probabilities),
        Output::Tokens { labels, entities } => {
            send_entities(entities.clone())?;
            send_tokens(model, reading.tokens.iter().zip(*labels), with_tokens)
        }
        Output::Embedding(vector) => {
            for numbers in vector.chunks(NUMBERS_PER_RESPONSE) {
                link::send(&Response::Numbers(numbers.iter().copied().collect()))?;
            }
            Ok(())
        }
        Output::Joint {
            probabilities,
            labels,
            entities,
        } => {
            send_classes(model, probabilities)?;
            send_entities(entities.clone())?;
            send_tokens(model, reading.tokens.iter().zip(*labels), with_tokens)
        }
        &Output::Answer { span, null_score } => {
            let span = span.map(|span| Span {
                start: span.start as u32,
                end: span.end as u32,
                score: span.score,
            });
            link::send(&Response::Answer { span, null_score })
        }
    }
}

/// Sends what a window of a text gives.
pub fn send_window(model: &Model, window: &Window, with_tokens: bool) -> Result<(), Failure> {
    link::send(&Response::Read {
        tokens: window.reading.tokens.len() as u32,
        truncation: None,
        head: Head::Tokens,
    })?;
    send_entities(window.entities())?;
    send_tokens(model, window.labels(), with_tokens)
}

fn send_classes(model: &Model, probabilities: &[f32]) -> Result<(), Failure> {
    for (label, &probability) in model.labels().iter().zip(probabilities) {
        link::send(&Response::Class { label, probability })?;
    }
    Ok(())
}

fn send_entities<'e>(entities: impl Iterator<Item = Entity<'e>>) -> Result<(), Failure> {
    for entity in entities {
        link::send(&Response::Entity {
            label: entity.label,
            start: entity.start as u32,
            end: entity.end as u32,
            score: entity.score,
        })?;
    }
    Ok(())
}

fn send_tokens<'e>(
    model: &Model,
    labelled: impl Iterator<Item = (&'e Token, &'e TokenLabel)>,
    wanted: bool,
) -> Result<(), Failure> {
    if !wanted {
        return Ok(());
    }
    let vocabulary = model.tokenizer().vocabulary();
    for (token, found) in labelled {
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
                label: model.token_labels().name(found.label as usize),
                score: found.score,
            })?;
        }
    }
    Ok(())
}
