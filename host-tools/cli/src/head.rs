//! The `--head` option.

use clap::ValueEnum;
use embert_tools::checkpoint::{HeadChoice, Pooling};

/// The head to use instead of the one that the checkpoint names.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum HeadArgument {
    /// One label (or several) per text
    Sequence,
    /// One label per token, grouped into entities
    Token,
    /// Embedding: the mean of the tokens
    Mean,
    /// Embedding: the first token
    Cls,
    /// Embedding: the pooler's output
    Pooler,
    /// Intent and slots: one label per text and one per token
    Joint,
    /// Question answering: a span of the context
    Spans,
}

impl From<HeadArgument> for HeadChoice {
    fn from(argument: HeadArgument) -> Self {
        match argument {
            HeadArgument::Sequence => Self::SequenceClassification,
            HeadArgument::Token => Self::TokenClassification,
            HeadArgument::Mean => Self::Embedding(Pooling::Mean),
            HeadArgument::Cls => Self::Embedding(Pooling::Cls),
            HeadArgument::Pooler => Self::Embedding(Pooling::Pooler),
            HeadArgument::Joint => Self::Joint,
            HeadArgument::Spans => Self::Spans,
        }
    }
}
