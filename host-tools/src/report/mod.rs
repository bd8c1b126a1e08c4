//! Results as plain data, and how people and programs are shown them.
//!
//! A report says the same whether the text was read on this machine or on a microcontroller: both
//! are rendered from these types.

mod prediction;
mod terminal;

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

pub use terminal::{Colours, write_text};

/// What a model says about one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was asked about the text; `None` where the model reads texts alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    pub text: String,
    /// Tokens the model read, `[CLS]` and `[SEP]` included.
    pub tokens: usize,
    /// What the model did not read; `None` when it read the whole text.
    pub truncation: Option<Truncation>,
    pub result: Outcome,
}

/// The text was longer than the token limit: what lies beyond was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Tokens the whole text would have had.
    pub tokens_needed: usize,
    /// The text was read up to this byte.
    pub bytes_read: usize,
}

/// The head's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The most probable label first.
    SequenceClassification {
        labels: Vec<LabelScore>,
    },
    TokenClassification {
        /// In the order of the text.
        entities: Vec<Entity>,
        /// Where asked for: every token but the special ones.
        tokens: Option<Vec<TokenLabel>>,
    },
    Embedding {
        vector: Vec<f32>,
    },
    /// Intent and slots.
    Joint {
        /// Of the text, the most probable first.
        labels: Vec<LabelScore>,
        /// As in token classification.
        entities: Vec<Entity>,
        tokens: Option<Vec<TokenLabel>>,
    },
    Answer {
        /// The best part of the text; `None` where none of it was read.
        span: Option<Span>,
        /// How much speaks for the text having no answer, to be compared with the span's score.
        null_score: f32,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelScore {
    pub label: String,
    /// 0 to 1; over all labels they add up to 1 unless the model is a multi-label one.
    pub probability: f32,
}

/// Tokens in a row that were tagged as one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// Without its `B-` or `I-`.
    pub label: String,
    /// The bytes `start..end` of the text.
    pub text: String,
    pub start: usize,
    pub end: usize,
    /// The mean probability of its tokens' labels.
    pub score: f32,
}

/// A part of a text that answers a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The bytes `start..end` of the text.
    pub text: String,
    pub start: usize,
    pub end: usize,
    /// The sum of two logits.
    pub score: f32,
}

/// One token as the model labelled it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenLabel {
    /// The word piece, `##` included.
    pub piece: String,
    pub start: usize,
    pub end: usize,
    pub label: String,
    pub score: f32,
}

/// Writes a report as one line of JSON.
///
/// # Errors
/// Those of `out`.
pub fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)
}
