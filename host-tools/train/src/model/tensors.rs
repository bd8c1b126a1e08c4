//! From the tensors of a checkpoint to the vector of parameters and back.

use super::parameters::{Dense, Norm, Parameters};
use super::{Config, Encoder};
use embert_tools::checkpoint::{self, FloatModel};
use std::ops::Range;

/// A place in the vector, and the tensor that it holds.
type Pair<'a> = (Range<usize>, &'a mut Vec<f32>);

/// Copies a model's tensors into the parameters of an encoder of its shape.
///
/// # Panics
/// If the shapes differ.
pub fn load(encoder: &Encoder, model: &FloatModel, parameters: &mut Parameters) {
    let mut model = model.clone();
    for (range, tensor) in pairs(encoder, &mut model) {
        parameters.values[range].copy_from_slice(tensor);
    }
}

/// The encoder with these parameters as a model of plain tensors, without pooler.
pub fn float_model(encoder: &Encoder, values: &[f32]) -> FloatModel {
    let mut model = empty(&encoder.config);
    for (range, tensor) in pairs(encoder, &mut model) {
        *tensor = values[range].to_vec();
    }
    model
}

/// A dense layer as plain tensors.
pub fn float_dense(dense: &Dense, values: &[f32]) -> checkpoint::Dense {
    checkpoint::Dense {
        weight: values[dense.weight.clone()].to_vec(),
        bias: values[dense.bias.clone()].to_vec(),
        inputs: dense.inputs,
        outputs: dense.outputs,
    }
}

/// Copies a dense layer's tensors.
///
/// # Panics
/// If the shapes differ.
pub fn load_dense(dense: &Dense, floats: &checkpoint::Dense, parameters: &mut Parameters) {
    parameters.values[dense.weight.clone()].copy_from_slice(&floats.weight);
    parameters.values[dense.bias.clone()].copy_from_slice(&floats.bias);
}

fn pairs<'a>(encoder: &Encoder, model: &'a mut FloatModel) -> Vec<Pair<'a>> {
    let embeddings = &encoder.embeddings;
    let mut pairs = vec![
        (embeddings.word.clone(), &mut model.word_embeddings),
        (embeddings.position.clone(), &mut model.position_embeddings),
        (embeddings.segment.clone(), &mut model.segment_embeddings),
    ];
    if let (Some(at), Some(projection)) = (&embeddings.projection, &mut model.word_projection) {
        pairs.extend(of_dense(at, projection));
    }
    pairs.extend(of_norm(&embeddings.norm, &mut model.embedding_norm));
    for (at, layer) in encoder.layers.iter().zip(&mut model.layers) {
        for (index, dense) in [&mut layer.query, &mut layer.key, &mut layer.value]
            .into_iter()
            .enumerate()
        {
            pairs.extend(of_dense(&third(&at.qkv, index), dense));
        }
        pairs.extend(of_dense(&at.attention_output, &mut layer.attention_output));
        pairs.extend(of_norm(&at.attention_norm, &mut layer.attention_norm));
        pairs.extend(of_dense(&at.intermediate, &mut layer.intermediate));
        pairs.extend(of_dense(&at.output, &mut layer.output));
        pairs.extend(of_norm(&at.output_norm, &mut layer.output_norm));
    }
    pairs
}

fn of_dense<'a>(at: &Dense, dense: &'a mut checkpoint::Dense) -> [Pair<'a>; 2] {
    [
        (at.weight.clone(), &mut dense.weight),
        (at.bias.clone(), &mut dense.bias),
    ]
}

fn of_norm<'a>(at: &Norm, norm: &'a mut checkpoint::LayerNorm) -> [Pair<'a>; 2] {
    [
        (at.gamma.clone(), &mut norm.gamma),
        (at.beta.clone(), &mut norm.beta),
    ]
}

/// Queries, keys or values of the matrix that has all three.
fn third(qkv: &Dense, index: usize) -> Dense {
    let part = |range: &Range<usize>| {
        let len = range.len() / 3;
        range.start + index * len..range.start + (index + 1) * len
    };
    Dense {
        weight: part(&qkv.weight),
        bias: part(&qkv.bias),
        inputs: qkv.inputs,
        outputs: qkv.outputs / 3,
    }
}

fn empty(config: &Config) -> FloatModel {
    let dense = |inputs, outputs| checkpoint::Dense {
        weight: Vec::new(),
        bias: Vec::new(),
        inputs,
        outputs,
    };
    let norm = || checkpoint::LayerNorm {
        gamma: Vec::new(),
        beta: Vec::new(),
        epsilon: config.epsilon,
    };
    let (hidden, inner) = (config.hidden, config.intermediate);
    let layer = || checkpoint::Layer {
        query: dense(hidden, hidden),
        key: dense(hidden, hidden),
        value: dense(hidden, hidden),
        attention_output: dense(hidden, hidden),
        attention_norm: norm(),
        intermediate: dense(hidden, inner),
        output: dense(inner, hidden),
        output_norm: norm(),
    };
    FloatModel {
        hidden,
        heads: config.heads,
        intermediate: inner,
        activation: config.activation,
        word_embeddings: Vec::new(),
        word_projection: config.rank.map(|rank| dense(rank, hidden)),
        position_embeddings: Vec::new(),
        segment_embeddings: Vec::new(),
        embedding_norm: norm(),
        layers: (0..config.layers).map(|_| layer()).collect(),
        pooler: None,
    }
}
