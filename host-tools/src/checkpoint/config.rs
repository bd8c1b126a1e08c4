//! `config.json`: the shape of the encoder and the names of its labels.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, de::DeserializeOwned};

use super::{Activation, CheckpointError};

/// The fields of Hugging Face's `BertConfig` that matter here, with its defaults.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    model_type: Option<String>,
    #[serde(default)]
    pub architectures: Vec<String>,
    pub vocab_size: usize,
    /// Of word embeddings that a projection brings to the hidden size.
    #[serde(rename = "embedding_size")]
    pub rank: Option<usize>,
    #[serde(rename = "hidden_size")]
    pub hidden: usize,
    #[serde(rename = "num_hidden_layers")]
    pub layers: usize,
    #[serde(rename = "num_attention_heads")]
    pub heads: usize,
    #[serde(rename = "intermediate_size")]
    pub intermediate: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(rename = "max_position_embeddings")]
    pub positions: usize,
    #[serde(rename = "type_vocab_size", default = "two")]
    pub segments: usize,
    #[serde(rename = "layer_norm_eps", default = "tiny")]
    pub epsilon: f32,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default)]
    add_cross_attention: bool,
    pub id2label: Option<BTreeMap<usize, String>>,
    /// The labels of texts, where `id2label` has those of tokens.
    pub intents: Option<Vec<String>>,
    /// What labels of tokens are, if they are tags of words.
    pub tag_scheme: Option<String>,
    pub problem_type: Option<String>,
}

/// The scheme of [`Config::tag_scheme`] that is known.
pub const TAG_SCHEME: &str = "IOB2";

fn gelu() -> String {
    "gelu".into()
}

fn two() -> usize {
    2
}

fn tiny() -> f32 {
    1e-12
}

impl Config {
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        // The model type is looked at before the rest: what is not BERT lacks BERT's fields, and
        // "missing field hidden_size" would not say so.
        let json: serde_json::Value = read_json(path)?;
        match json.get("model_type").and_then(|value| value.as_str()) {
            Some("bert") | None => {}
            Some(other) => {
                return Err(CheckpointError::NotBert {
                    path: path.into(),
                    reason: format!("its model_type is \"{other}\""),
                });
            }
        }
        let config: Self = serde_json::from_value(json).map_err(|error| malformed(path, error))?;
        config.check(path)?;
        Ok(config)
    }

    fn check(&self, path: &Path) -> Result<(), CheckpointError> {
        let foreign = self
            .architectures
            .iter()
            .find(|name| !name.starts_with("Bert"));
        if let (None, Some(name)) = (&self.model_type, foreign) {
            return Err(CheckpointError::NotBert {
                path: path.into(),
                reason: format!("its architecture is {name}"),
            });
        }
        let unsupported = |what: String, advice: &str| CheckpointError::Unsupported {
            path: path.into(),
            what,
            advice: advice.into(),
        };
        match self.position_embedding_type.as_deref() {
            None | Some("absolute") => {}
            Some(other) => {
                return Err(unsupported(
                    format!("position_embedding_type \"{other}\""),
                    "only \"absolute\" position embeddings are, those of the original BERT",
                ));
            }
        }
        if self.is_decoder || self.add_cross_attention {
            return Err(unsupported(
                "a decoder (is_decoder, add_cross_attention)".into(),
                "only encoders are",
            ));
        }
        let extents = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("intermediate_size", self.intermediate),
            ("max_position_embeddings", self.positions),
            ("type_vocab_size", self.segments),
        ];
        if let Some((name, _)) = extents.iter().find(|(_, extent)| *extent == 0) {
            return Err(malformed(path, format!("{name} is 0")));
        }
        if let Some(rank) = self.rank.filter(|rank| !(1..=self.hidden).contains(rank)) {
            let hidden = self.hidden;
            return Err(malformed(
                path,
                format!("embedding_size {rank} is not between 1 and hidden_size {hidden}"),
            ));
        }
        if !self.hidden.is_multiple_of(self.heads) {
            return Err(malformed(
                path,
                format!(
                    "hidden_size {} is not a multiple of num_attention_heads {}",
                    self.hidden, self.heads
                ),
            ));
        }
        self.activation(path).map(drop)
    }

    pub fn activation(&self, path: &Path) -> Result<Activation, CheckpointError> {
        match self.hidden_act.as_str() {
            "gelu" | "gelu_python" => Ok(Activation::GeluErf),
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" | "gelu_accurate" => {
                Ok(Activation::GeluTanh)
            }
            "relu" => Ok(Activation::Relu),
            other => Err(CheckpointError::Unsupported {
                path: path.into(),
                what: format!("hidden_act \"{other}\""),
                advice: "only gelu, gelu_new (and its synonyms) and relu are".into(),
            }),
        }
    }
}

/// Reads a JSON file whose absence is an error.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, CheckpointError> {
    let text = std::fs::read(path).map_err(|source| CheckpointError::Io {
        path: path.into(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|error| malformed(path, error))
}

/// Reads a JSON file that may be absent, as most files beside `config.json` may.
pub(super) fn read_json_if_there<T: DeserializeOwned + Default>(
    path: &Path,
) -> Result<T, CheckpointError> {
    if path.exists() {
        read_json(path)
    } else {
        Ok(T::default())
    }
}

pub(super) fn malformed(path: &Path, reason: impl ToString) -> CheckpointError {
    CheckpointError::Malformed {
        path: path.into(),
        reason: reason.to_string(),
    }
}
