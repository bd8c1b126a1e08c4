//! Reads Hugging Face checkpoint folders as they come.

mod model;
mod tokenizer;

pub use model::{Activation, Dense, FloatHead, FloatModel, Layer, LayerNorm, Pooling};
pub use tokenizer::TokenizerSpec;

/// A BERT checkpoint: every tensor in 32-bit floats, every shape checked.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where it came from, for people: the folder's name.
    pub source: String,
    pub model: FloatModel,
    pub head: FloatHead,
    /// One name per output of the classifier; empty for embeddings.
    pub labels: Vec<String>,
    pub tokenizer: TokenizerSpec,
    /// What had to be assumed or repaired, one sentence each, to be shown to the user.
    pub notes: Vec<String>,
}
