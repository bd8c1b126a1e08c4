//! The encoder: embeddings, then layers.

use super::embeddings::{Embeddings, EmbeddingsTape};
use super::layer::{Flow, Layer, LayerTape};
use super::parameters::Parameters;
use super::{Batch, Config, DropoutRates, Pass};
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

    /// Where the gradient of the last hidden states goes before the backward pass, which uses it
    /// up: with the states.
    pub fn gradient(&mut self) -> (&[f32], &mut [f32]) {
        let states = self.states.last().map_or(&[][..], |states| states);
        self.flow.states.resize(states.len(), 0.0);
        (states, &mut self.flow.states)
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

    /// A pass over a batch with these parameters.
    pub fn pass<'a>(
        &'a self,
        values: &'a [f32],
        batch: &'a Batch,
        rates: DropoutRates,
    ) -> Pass<'a> {
        Pass {
            config: &self.config,
            values,
            batch,
            rates,
            rounded: false,
        }
    }

    /// Computes the hidden states of a batch; they are in the tape.
    pub fn forward(&self, pass: &Pass<'_>, tape: &mut Tape) {
        tape.layers
            .resize_with(self.layers.len(), LayerTape::default);
        tape.states.resize_with(self.layers.len() + 1, Vec::new);
        let dropout = pass.rates.hidden.at(EMBEDDINGS);
        let embedded = &mut tape.states[0];
        self.embeddings
            .forward(pass, dropout, &mut tape.embeddings, embedded);
        for (index, (layer, kept)) in self.layers.iter().zip(&mut tape.layers).enumerate() {
            let (before, after) = tape.states.split_at_mut(index + 1);
            let pass = pass.of_layer(index);
            layer.forward(&pass, &before[index], kept, &mut after[0]);
        }
    }

    /// Adds the gradients of all parameters, by that of the last hidden states
    /// ([`Tape::gradient`]).
    pub fn backward(
        &self,
        pass: &Pass<'_>,
        tape: &mut Tape,
        injected: &Injected,
        gradient: &mut [f32],
    ) {
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let pass = pass.of_layer(index);
            let (input, kept) = (&tape.states[index], &tape.layers[index]);
            let dqkv = at(&injected.qkv, index);
            let flow = &mut tape.flow;
            layer.backward(&pass, input, kept, dqkv, flow, gradient);
            if let Some(more) = at(&injected.states, index) {
                add(&mut flow.states, more);
            }
        }
        let dropout = pass.rates.hidden.at(EMBEDDINGS);
        let (kept, flow) = (&tape.embeddings, &mut tape.flow);
        self.embeddings
            .backward(pass, dropout, kept, flow, gradient);
    }
}

/// The gradient of a loss at a layer, if there is one.
fn at(all: &[Option<Vec<f32>>], layer: usize) -> Option<&[f32]> {
    all.get(layer)?.as_deref()
}

impl Pass<'_> {
    /// The same in another layer, where others are dropped.
    fn of_layer(&self, layer: usize) -> Self {
        let site = 2 * layer as u32;
        Pass {
            rates: DropoutRates {
                hidden: self.rates.hidden.at(site),
                attention: self.rates.attention.at(site + 1),
            },
            ..*self
        }
    }
}
