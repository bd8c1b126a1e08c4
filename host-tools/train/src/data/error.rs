//! What can be wrong with a data set, said so that it can be put right.

use std::{fmt, io, path::Path, path::PathBuf, sync::Arc};

use thiserror::Error;

#[derive(Debug, Error)]
pub enum DataError {
    #[error("cannot read {}", path.display())]
    Io { path: PathBuf, source: io::Error },

    #[error("{at} is not UTF-8; convert the file with iconv")]
    NotUtf8 { at: SourceLine },

    #[error("{at}: {reason}")]
    Malformed { at: SourceLine, reason: String },

    /// What is wrong with a file as a whole, or at a place that the reason names.
    #[error("{}: {reason}", path.display())]
    MalformedFile { path: PathBuf, reason: String },

    #[error(
        "{at}: the label {label:?} is not one of the {known} that the model is trained for; add it \
         to the training file (or to the file of names, if there is one), or leave this row out"
    )]
    UnknownLabel {
        at: SourceLine,
        label: String,
        known: usize,
    },

    #[error("{}, question {id}: {reason}", path.display())]
    Question {
        path: PathBuf,
        id: String,
        reason: String,
    },

    #[error("{} holds no examples; give a file that has some", path.display())]
    Empty { path: PathBuf },
}

/// A line of a file, printed as `train.tsv, line 12`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    pub path: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

impl SourceLine {
    pub(super) fn malformed(&self, reason: impl Into<String>) -> DataError {
        DataError::Malformed {
            at: self.clone(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.path.display(), self.line)
    }
}
