//! What can be wrong with a checkpoint, said so that it can be put right.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

#[derive(Debug, Error)]
pub enum CheckpointError {
    #[error("cannot read {}", path.display())]
    Io { path: PathBuf, source: io::Error },

    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },

    #[error(
        "{} is not a checkpoint: it has no config.json; give the folder that holds config.json, \
         model.safetensors (or pytorch_model.bin) and tokenizer.json (or vocab.txt)",
        path.display()
    )]
    NoConfig { path: PathBuf },

    #[error("{} cannot be understood: {reason}", path.display())]
    Malformed { path: PathBuf, reason: String },

    /// Another architecture.
    #[error("{} does not describe a BERT: {reason}; only model_type \"bert\" can be read", path.display())]
    NotBert { path: PathBuf, reason: String },

    /// BERT, but a kind of it that is not computed here.
    #[error("{}: {what} is not supported; {advice}", path.display())]
    Unsupported {
        path: PathBuf,
        what: String,
        advice: String,
    },

    #[error(
        "{} holds no weights: looked for model.safetensors, model.safetensors.index.json, \
         pytorch_model.bin and pytorch_model.bin.index.json; save the model with save_pretrained",
        path.display()
    )]
    NoWeights { path: PathBuf },

    #[error("{} lacks the tensor {name} {expected}{}", path.display(), hint(advice))]
    MissingTensor {
        path: PathBuf,
        name: String,
        expected: Shape,
        /// What to do about it, or empty.
        advice: String,
    },

    #[error("tensor {name} in {} has the shape {found}, but config.json asks for {expected}", path.display())]
    TensorShape {
        path: PathBuf,
        name: String,
        found: Shape,
        expected: Shape,
    },

    #[error(
        "tensor {name} in {} holds {found} elements; only F32, F16, BF16 and F64 are weights that \
         can be read: export the model before it was quantized",
        path.display()
    )]
    TensorType {
        path: PathBuf,
        name: String,
        found: String,
    },

    #[error(
        "tensor {name} in {} holds a value that is not finite (element {index}); the checkpoint \
         is damaged or its training diverged",
        path.display()
    )]
    NotFinite {
        path: PathBuf,
        name: String,
        index: usize,
    },

    #[error(
        "{} holds no tokenizer: looked for tokenizer.json and vocab.txt; copy them from the model \
         this one was trained from",
        path.display()
    )]
    NoTokenizer { path: PathBuf },

    #[error(
        "the tokenizer {} has {pieces} pieces but the model only {rows} word embeddings: they do \
         not belong together",
        path.display()
    )]
    VocabularyTooLarge {
        path: PathBuf,
        pieces: usize,
        rows: usize,
    },
}

fn hint(advice: &str) -> String {
    if advice.is_empty() {
        String::new()
    } else {
        format!("; {advice}")
    }
}

/// A tensor's extents, outermost first, printed as `[35 x 384]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(pub Vec<usize>);

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extents: Vec<String> = self.0.iter().map(usize::to_string).collect();
        write!(f, "[{}]", extents.join(" x "))
    }
}
