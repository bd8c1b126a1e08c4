//! Reads Hugging Face checkpoint folders as they come.
//!
//! What is read: `config.json`; `model.safetensors` or `pytorch_model.bin`, whole or in shards;
//! `tokenizer.json`, or `vocab.txt` with `tokenizer_config.json`; and the module list of
//! sentence-transformers.

mod config;
mod encoder;
mod error;
mod head;
mod language;
mod model;
mod save;
mod tensors;
mod tokenizer;
mod tokenizer_json;

use std::path::Path;

pub use error::{CheckpointError, Shape};
pub use head::HeadChoice;
pub use language::LanguageModeling;
pub use model::{Activation, Dense, FloatHead, FloatModel, Layer, LayerNorm, Pooling};
pub use tokenizer::{AddedToken, TokenizerSpec};

/// A BERT checkpoint: every tensor in 32-bit floats, every shape checked.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where it came from, for people: the folder's name.
    pub source: String,
    /// Has exactly one word embedding for every piece of `tokenizer`.
    pub model: FloatModel,
    pub head: FloatHead,
    /// One name per output of the classifier, that of tokens where there are two; empty for
    /// embeddings and spans.
    pub labels: Vec<String>,
    /// One name per output of the classifier of texts, where there is one of tokens too; empty
    /// elsewhere.
    pub intents: Vec<String>,
    /// Whether labels of tokens are tags of words in IOB2, which belong to a word's first piece and
    /// make a valid sequence; else each token has a label of its own.
    pub iob2: bool,
    pub tokenizer: TokenizerSpec,
    /// What had to be assumed or repaired, one sentence each, to be shown to the user.
    pub notes: Vec<String>,
}

impl Checkpoint {
    /// An encoder alone: the embedding of a text is the mean of its states, of length one.
    pub fn encoder(source: &str, model: FloatModel, tokenizer: TokenizerSpec) -> Self {
        Checkpoint {
            source: source.into(),
            model,
            head: FloatHead::Embedding {
                pooling: Pooling::Mean,
                normalize: true,
            },
            labels: Vec::new(),
            intents: Vec::new(),
            iob2: false,
            tokenizer,
            notes: Vec::new(),
        }
    }

    /// Reads a checkpoint folder. The head is the one the folder says it has, unless `head`
    /// chooses another.
    ///
    /// # Errors
    /// When a file is missing or malformed, the model is not a BERT that can be computed, or a
    /// tensor is missing or misshapen; the message names it and says what to do.
    pub fn open(folder: &Path, head: Option<HeadChoice>) -> Result<Self, CheckpointError> {
        let config_path = folder.join("config.json");
        if !config_path.exists() {
            return Err(CheckpointError::NoConfig {
                path: folder.into(),
            });
        }
        let config = config::Config::open(&config_path)?;
        let tensors = tensors::Tensors::open(folder)?;
        let mut model = encoder::read(&config, &config_path, &tensors)?;
        let head::Head {
            head,
            labels,
            intents,
            mut notes,
        } = head::read(folder, &config, &tensors, model.pooler.is_some(), head)?;
        let tokenizer = tokenizer::read(folder, model.vocabulary(), &mut notes)?;

        let pieces = tokenizer.pieces.len();
        if pieces < model.vocabulary() {
            notes.push(format!(
                "the tokenizer has {pieces} pieces, the model {} word embeddings: the rest is left out",
                model.vocabulary()
            ));
            model.word_embeddings.truncate(pieces * model.word_width());
        }
        let tagged = head.token_classifier().is_some() && !labels.is_empty();
        // `.` and `..` have no name of their own.
        let resolved = folder.canonicalize().unwrap_or_default();
        let source = folder.file_name().or(resolved.file_name());
        Ok(Self {
            source: source.unwrap_or_default().to_string_lossy().into_owned(),
            model,
            head,
            labels,
            intents,
            iob2: tagged && config.tag_scheme.as_deref() == Some(config::TAG_SCHEME),
            tokenizer,
            notes,
        })
    }
}
