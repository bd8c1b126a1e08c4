//! Why a request has no answer.

use core::fmt;

use embert::{ParseError, RunError, ScratchError};
use embert_conformance::Mismatch;

#[derive(Debug, Clone, Copy)]
pub enum Failure {
    /// A request longer than the receive buffer.
    TooLong,
    /// Bytes that are no request.
    Malformed,
    /// What lies in the model region cannot be run.
    Blob(ParseError),
    /// The blob's checksum is wrong.
    Damaged,
    /// The board's scratch is too small for so many tokens.
    TooManyTokens {
        tokens: usize,
        needed: usize,
        available: usize,
    },
    Scratch(ScratchError),
    Run(RunError),
    /// The board has no instruction set of that name.
    NoSuchSet,
    /// The board's scratch is too small for a piece of work.
    TooMuchWork,
    /// A kernel that does otherwise than the scalar one.
    Mismatch(Mismatch),
    /// A label or a word piece that no frame holds.
    ResponseTooLong,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the request is too long"),
            Self::Malformed => f.write_str("the request is malformed"),
            Self::Blob(error) => error.fmt(f),
            Self::Damaged => f.write_str("the blob is damaged: its checksum is wrong"),
            Self::TooManyTokens {
                tokens,
                needed,
                available,
            } => write!(
                f,
                "{tokens} tokens need {needed} bytes of scratch, the board has {available}: \
                 set a lower limit"
            ),
            Self::Scratch(error) => error.fmt(f),
            Self::Run(error) => error.fmt(f),
            Self::NoSuchSet => f.write_str("the board has no instruction set of that name"),
            Self::TooMuchWork => f.write_str("the board's scratch is too small for this work"),
            Self::Mismatch(mismatch) => mismatch.fmt(f),
            Self::ResponseTooLong => f.write_str("a label or piece is too long for a response"),
        }
    }
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::Blob(error)
    }
}

impl From<ScratchError> for Failure {
    fn from(error: ScratchError) -> Self {
        Self::Scratch(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::Run(error)
    }
}
