//! The encoder: embeddings, then layers.

use super::embeddings::{Embeddings, EmbeddingsTape};
use super::layer::{Flow, Layer, LayerTape};
use super::parameters::Parameters;
use super::{Batch, Config, Rates};
use crate::ops::add;

#[derive(Clone, Debug)]
pub struct Encoder {
    pub config: Config,
    pub embeddings: Embeddings,
    pub layers: Vec<Layer>,
}

/// What a forward pass leaves for the backward pass; used again for the next batch.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    embeddings: EmbeddingsTape,
    pub layers: Vec<LayerTape>,
    /// What goes into each layer, and what comes out of the last, `[tokens x hidden]` each.
    pub states: Vec<Vec<f32>>,
    flow: Flow,
}

impl Tape {
    /// The last hidden states.
    pub fn output(&self) -> &[f32] {
        self.states.last().map_or(&[], |states| states)
    }
}

/// Gradients of losses within the encoder, as distillation has them; none by default.
#[derive(Clone, Debug, Default)]
pub struct Injected {
    /// Of the states that go into layer `l`.
    pub states: Vec<Option<Vec<f32>>>,
    /// Of the queries, keys and values of layer `l`.
    pub qkv: Vec<Option<Vec<f32>>>,
}

/// Places where dropout is at work: the embeddings, then each layer.
const EMBEDDINGS: u32 = u32::MAX;

impl Encoder {
    /// An encoder whose parameters follow those there are, zeros but for gammas of one.
    pub fn new(config: Config, parameters: &mut Parameters) -> Self {
        Encoder {
            embeddings: Embeddings::new(&config, parameters),
            layers: (0..config.layers)
                .map(|_| Layer::new(&config, parameters))
                .collect(),
            config,
        }
    }

    /// Computes the hidden states of a batch; they are in the tape.
    pub fn forward(&self, values: &[f32], batch: &Batch, rates: Rates, tape: &mut Tape) {
        let config = &self.config;
        tape.layers
            .resize_with(self.layers.len(), LayerTape::default);
        tape.states.resize_with(self.layers.len() + 1, Vec::new);
        self.embeddings.forward(
            config,
            values,
            batch,
            rates.hidden.at(EMBEDDINGS),
            &mut tape.embeddings,
            &mut tape.states[0],
        );
        for (index, (layer, kept)) in self.layers.iter().zip(&mut tape.layers).enumerate() {
            let (before, after) = tape.states.split_at_mut(index + 1);
            let rates = rates.at(index as u32);
            layer.forward(
                config,
                values,
                batch,
                rates,
                &before[index],
                kept,
                &mut after[0],
            );
        }
    }

    /// Adds the gradients of all parameters, by that of the last hidden states, whose room it gives
    /// back.
    pub fn backward(
        &self,
        values: &[f32],
        batch: &Batch,
        rates: Rates,
        tape: &mut Tape,
        mut states: Vec<f32>,
        injected: &Injected,
        gradient: &mut [f32],
    ) -> Vec<f32> {
        let config = &self.config;
        let Tape {
            embeddings,
            layers,
            states: inputs,
            flow,
        } = tape;
        for (index, (layer, kept)) in self.layers.iter().zip(layers).enumerate().rev() {
            let rates = rates.at(index as u32);
            let dqkv = injected.qkv.get(index).and_then(|found| found.as_deref());
            layer.backward(
                config,
                values,
                batch,
                rates,
                &inputs[index],
                kept,
                dqkv,
                &mut states,
                flow,
                gradient,
            );
            if let Some(more) = injected
                .states
                .get(index)
                .and_then(|found| found.as_deref())
            {
                add(&mut states, more);
            }
        }
        self.embeddings.backward(
            config,
            values,
            batch,
            rates.hidden.at(EMBEDDINGS),
            embeddings,
            &mut states,
            flow,
            gradient,
        );
        states
    }
}

impl Rates {
    /// Another layer, where others are dropped.
    fn at(self, layer: u32) -> Self {
        Rates {
            hidden: self.hidden.at(2 * layer),
            attention: self.attention.at(2 * layer + 1),
        }
    }
}
