//! The `--head` option.

use clap::ValueEnum;
use embert_tools::checkpoint::{HeadChoice, Pooling};

/// What to compute from the encoder's output, instead of what the checkpoint says.
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
    /// One label per text, its intent, and one per token, its slot
    Joint,
    /// The part of a context that answers a question
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
