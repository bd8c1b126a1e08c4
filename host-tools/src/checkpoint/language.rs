//! The heads of pre-training (Devlin et al., section 3.1), as Hugging Face's `BertForPreTraining` has
//! them: no blob needs them, but pre-training goes on from them.

use std::path::Path;

use super::{CheckpointError, Dense, FloatModel, LayerNorm, encoder::dense, tensors::Tensors};

/// What guesses masked words, by way of the word embeddings, and next sentences, on the pooler.
#[derive(Clone, Debug, PartialEq)]
pub struct LanguageModeling {
    /// `[hidden x hidden]`, followed by the activation function and a LayerNorm.
    pub transform: Dense,
    pub norm: LayerNorm,
    /// `[vocabulary]`, on top of the products with the word embeddings.
    pub bias: Vec<f32>,
    /// `[2 x hidden]`: follows, or does not.
    pub next: Dense,
}

pub(super) const TRANSFORM: &str = "cls.predictions.transform.dense";
pub(super) const NORM: &str = "cls.predictions.transform.LayerNorm";
pub(super) const BIAS: &str = "cls.predictions.bias";
pub(super) const NEXT: &str = "cls.seq_relationship";

impl LanguageModeling {
    /// Reads the heads that the folder of this model has; none where it has not both.
    ///
    /// # Errors
    /// When a tensor is misshapen, or its file malformed.
    pub fn open(folder: &Path, model: &FloatModel) -> Result<Option<Self>, CheckpointError> {
        let tensors = Tensors::open(folder)?;
        let there = |name: &str| tensors.shape(name).is_some();
        let norm = |name: &str| format!("{NORM}.{name}");
        let weights = [TRANSFORM, NEXT].map(|name| format!("{name}.weight"));
        let rows = tensors.shape(BIAS).and_then(|shape| shape.first()).copied();
        let (Some(rows), true) = (rows, weights.iter().all(|name| there(name))) else {
            return Ok(None);
        };
        let [gamma, beta] = match there(&norm("gamma")) {
            true => ["gamma", "beta"],
            false => ["weight", "bias"],
        };
        let hidden = model.hidden;
        let mut bias = tensors.read(BIAS, &[rows])?;
        // Rows that no piece of the tokenizer has were left out of the word embeddings too.
        bias.resize(model.vocabulary(), 0.0);
        Ok(Some(LanguageModeling {
            transform: dense(&tensors, TRANSFORM, hidden, hidden)?,
            norm: LayerNorm {
                gamma: tensors.read(&norm(gamma), &[hidden])?,
                beta: tensors.read(&norm(beta), &[hidden])?,
                epsilon: model.embedding_norm.epsilon,
            },
            bias,
            next: dense(&tensors, NEXT, hidden, 2)?,
        }))
    }
}
