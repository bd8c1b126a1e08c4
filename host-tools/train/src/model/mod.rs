//! BERT with gradients: forward and backward of the encoder and of what stands on it.
//!
//! All parameters are one vector, so that gradients, moments and checkpoints are vectors of the
//! same length; the model knows where each tensor lies. The tokens of a batch stand one after the
//! other without padding.

pub mod classifier;
mod embeddings;
mod encoder;
pub mod fake_quant;
mod head;
mod language;
mod layer;
mod parameters;
mod tensors;

pub use encoder::{Encoder, Injected, Tape};
pub use head::{Head, HeadTape, Logits};
pub use language::{LanguageHead, LanguageLogits, LanguageTape};
pub use parameters::{Dense, Norm, Parameters};
pub use tensors::{float_dense, float_model, load, load_dense};

use crate::ops::{Dropout, Steps, round_rows};
use embert_tools::checkpoint::{Activation, FloatModel};
use std::ops::Range;

/// The shape of a BERT.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub vocabulary: usize,
    /// Channels of a word embedding before it is projected; none where it has the hidden size.
    pub rank: Option<usize>,
    pub positions: usize,
    pub segments: usize,
    pub activation: Activation,
    /// Of the LayerNorms.
    pub epsilon: f32,
}

impl Config {
    /// Next to nothing, of so many layers, for tests.
    #[cfg(test)]
    pub(crate) fn least(layers: usize) -> Self {
        Config {
            layers,
            hidden: 6,
            heads: 2,
            intermediate: 8,
            vocabulary: 20,
            rank: None,
            positions: 8,
            segments: 2,
            activation: Activation::GeluErf,
            epsilon: 1e-12,
        }
    }

    /// The shape of a model that has been read.
    pub fn of(model: &FloatModel) -> Self {
        Config {
            layers: model.layers.len(),
            hidden: model.hidden,
            heads: model.heads,
            intermediate: model.intermediate,
            vocabulary: model.vocabulary(),
            rank: model.word_projection.as_ref().map(|dense| dense.inputs),
            positions: model.positions(),
            segments: model.segments(),
            activation: model.activation,
            epsilon: model.embedding_norm.epsilon,
        }
    }
}

/// Sequences of tokens, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    pub ids: Vec<u32>,
    pub segments: Vec<u32>,
    /// Where each token stands in its sequence.
    pub positions: Vec<u32>,
    pub sequences: Vec<Range<usize>>,
}

impl Batch {
    /// Adds a sequence of tokens, of which those from `segment_b` on are the second segment.
    pub fn push(&mut self, ids: &[u32], segment_b: usize) {
        let start = self.ids.len();
        self.ids.extend(ids);
        self.positions.extend(0..ids.len() as u32);
        let segments = (0..ids.len()).map(|position| u32::from(position >= segment_b));
        self.segments.extend(segments);
        self.sequences.push(start..self.ids.len());
    }

    /// The first token of each sequence, its `[CLS]`.
    pub fn firsts(&self) -> Vec<u32> {
        let sequences = self.sequences.iter();
        sequences.map(|sequence| sequence.start as u32).collect()
    }

    /// Tokens of all sequences.
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }
}

/// What all parts of a forward or backward pass need to know.
#[derive(Clone, Copy, Debug)]
pub struct Pass<'a> {
    pub config: &'a Config,
    /// All parameters.
    pub values: &'a [f32],
    pub batch: &'a Batch,
    pub rates: DropoutRates,
    /// Whether activations are rounded as the engine does.
    pub rounded: bool,
}

impl Pass<'_> {
    /// The inputs of a matrix, rounded into `room` if they are to be.
    fn inputs<'r>(
        &self,
        rows: &'r [f32],
        width: usize,
        steps: Steps,
        room: &'r mut Vec<f32>,
    ) -> &'r [f32] {
        if !self.rounded {
            return rows;
        }
        room.clear();
        room.extend_from_slice(rows);
        round_rows(room, width, steps);
        room
    }
}

/// Dropout of hidden states and of attention weights.
#[derive(Clone, Copy, Debug)]
pub struct DropoutRates {
    pub hidden: Dropout,
    pub attention: Dropout,
}

impl DropoutRates {
    /// None, as when a model is used.
    pub const NONE: Self = DropoutRates {
        hidden: Dropout::NONE,
        attention: Dropout::NONE,
    };
}
