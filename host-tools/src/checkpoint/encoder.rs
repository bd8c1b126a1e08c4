//! Finds the encoder's tensors under the names the checkpoint gives them.

use std::path::Path;

use super::{
    CheckpointError, Dense, FloatModel, Layer, LayerNorm, config::Config, tensors::Tensors,
};

const WORD_EMBEDDINGS: &str = "embeddings.word_embeddings.weight";

/// Where word embeddings are of a low rank: no name of Hugging Face's BERT, which has none such.
pub(super) const WORD_PROJECTION: &str = "embeddings.word_projection";

/// The encoder, and the rows of its word embeddings as the checkpoint has them.
pub(super) fn read(
    config: &Config,
    config_path: &Path,
    tensors: &Tensors,
) -> Result<FloatModel, CheckpointError> {
    let reader = Reader {
        tensors,
        prefix: prefix(config, tensors)?,
        hidden: config.hidden,
        epsilon: config.epsilon,
    };
    let hidden = config.hidden;
    let word_projection = match config.rank {
        Some(rank) => Some(reader.dense(WORD_PROJECTION, rank, hidden)?),
        None => None,
    };
    let word_shape = [config.vocab_size, config.rank.unwrap_or(hidden)];
    let layers = (0..config.layers)
        .map(|index| reader.layer(&format!("encoder.layer.{index}"), config.intermediate))
        .collect::<Result<_, _>>()?;
    let pooler = match tensors.shape(&reader.name("pooler.dense.weight")) {
        Some(_) => Some(reader.dense("pooler.dense", hidden, hidden)?),
        None => None,
    };
    Ok(FloatModel {
        hidden,
        heads: config.heads,
        intermediate: config.intermediate,
        activation: config.activation(config_path)?,
        word_embeddings: reader.read(WORD_EMBEDDINGS, &word_shape)?,
        word_projection,
        position_embeddings: reader.read(
            "embeddings.position_embeddings.weight",
            &[config.positions, hidden],
        )?,
        segment_embeddings: reader.read(
            "embeddings.token_type_embeddings.weight",
            &[config.segments, hidden],
        )?,
        embedding_norm: reader.norm("embeddings.LayerNorm")?,
        layers,
        pooler,
    })
}

/// What stands before the encoder's names: `bert.` when a head was trained on top, nothing for a
/// bare `BertModel`, something longer when the model was wrapped once more.
fn prefix<'a>(config: &Config, tensors: &'a Tensors) -> Result<&'a str, CheckpointError> {
    tensors
        .names()
        .find_map(|name| {
            let prefix = name.strip_suffix(WORD_EMBEDDINGS)?;
            (prefix.is_empty() || prefix.ends_with('.')).then_some(prefix)
        })
        .ok_or_else(|| {
            tensors.missing(
                WORD_EMBEDDINGS,
                &[config.vocab_size, config.rank.unwrap_or(config.hidden)],
                "tensors must have the names of Hugging Face's BertModel, with any prefix",
            )
        })
}

struct Reader<'a> {
    tensors: &'a Tensors,
    prefix: &'a str,
    hidden: usize,
    epsilon: f32,
}

impl Reader<'_> {
    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        self.tensors.read(&self.name(name), shape)
    }

    fn dense(&self, name: &str, inputs: usize, outputs: usize) -> Result<Dense, CheckpointError> {
        dense(self.tensors, &self.name(name), inputs, outputs)
    }

    /// `gamma` and `beta` are what TensorFlow's BERT called them; early conversions kept that.
    fn norm(&self, name: &str) -> Result<LayerNorm, CheckpointError> {
        let gamma = format!("{name}.gamma");
        let named_as_tensorflow = self.tensors.shape(&self.name(&gamma)).is_some();
        let (gamma, beta) = if named_as_tensorflow {
            (gamma, format!("{name}.beta"))
        } else {
            (format!("{name}.weight"), format!("{name}.bias"))
        };
        Ok(LayerNorm {
            gamma: self.read(&gamma, &[self.hidden])?,
            beta: self.read(&beta, &[self.hidden])?,
            epsilon: self.epsilon,
        })
    }

    fn layer(&self, layer: &str, intermediate: usize) -> Result<Layer, CheckpointError> {
        let hidden = self.hidden;
        let dense =
            |name: &str, inputs, outputs| self.dense(&format!("{layer}.{name}"), inputs, outputs);
        Ok(Layer {
            query: dense("attention.self.query", hidden, hidden)?,
            key: dense("attention.self.key", hidden, hidden)?,
            value: dense("attention.self.value", hidden, hidden)?,
            attention_output: dense("attention.output.dense", hidden, hidden)?,
            attention_norm: self.norm(&format!("{layer}.attention.output.LayerNorm"))?,
            intermediate: dense("intermediate.dense", hidden, intermediate)?,
            output: dense("output.dense", intermediate, hidden)?,
            output_norm: self.norm(&format!("{layer}.output.LayerNorm"))?,
        })
    }
}

pub(super) fn dense(
    tensors: &Tensors,
    name: &str,
    inputs: usize,
    outputs: usize,
) -> Result<Dense, CheckpointError> {
    Ok(Dense {
        weight: tensors.read(&format!("{name}.weight"), &[outputs, inputs])?,
        bias: tensors.read(&format!("{name}.bias"), &[outputs])?,
        inputs,
        outputs,
    })
}
