//! Token, position and segment embeddings (Devlin et al., figure 2).

use super::layer::Flow;
use super::parameters::{Dense, Norm, Parameters};
use super::{Config, Pass};
use crate::ops::{Dropout, Normalized, gather, layer_norm, layer_norm_backward, scatter};
use std::ops::Range;

#[derive(Clone, Debug)]
pub struct Embeddings {
    /// `[vocabulary x hidden]`, or `[vocabulary x rank]`.
    pub word: Range<usize>,
    pub projection: Option<Dense>,
    pub position: Range<usize>,
    pub segment: Range<usize>,
    pub norm: Norm,
}

#[derive(Clone, Debug, Default)]
pub struct EmbeddingsTape {
    /// Word embeddings before their projection.
    factors: Vec<f32>,
    normalized: Normalized,
}

impl Embeddings {
    pub fn new(config: &Config, parameters: &mut Parameters) -> Self {
        let hidden = config.hidden;
        Embeddings {
            word: parameters.matrix(config.vocabulary, config.rank.unwrap_or(hidden)),
            projection: config.rank.map(|rank| Dense::new(rank, hidden, parameters)),
            position: parameters.matrix(config.positions, hidden),
            segment: parameters.matrix(config.segments, hidden),
            norm: Norm::new(hidden, parameters),
        }
    }

    pub fn forward(
        &self,
        pass: &Pass<'_>,
        dropout: Dropout,
        tape: &mut EmbeddingsTape,
        states: &mut Vec<f32>,
    ) {
        let Pass {
            config,
            values,
            batch,
            ..
        } = *pass;
        let (hidden, tokens) = (config.hidden, batch.tokens());
        let word = &values[self.word.clone()];
        states.resize(tokens * hidden, 0.0);
        match &self.projection {
            None => gather(word, hidden, &batch.ids, states, false),
            Some(projection) => {
                tape.factors.resize(tokens * projection.inputs, 0.0);
                gather(
                    word,
                    projection.inputs,
                    &batch.ids,
                    &mut tape.factors,
                    false,
                );
                projection.forward(values, &tape.factors, states);
            }
        }
        gather(
            &values[self.position.clone()],
            hidden,
            &batch.positions,
            states,
            true,
        );
        gather(
            &values[self.segment.clone()],
            hidden,
            &batch.segments,
            states,
            true,
        );
        let (gamma, beta) = (
            &values[self.norm.gamma.clone()],
            &values[self.norm.beta.clone()],
        );
        layer_norm(states, gamma, beta, config.epsilon, &mut tape.normalized);
        dropout.apply(states);
    }

    /// Uses up the gradient of the states, in `flow`.
    pub fn backward(
        &self,
        pass: &Pass<'_>,
        dropout: Dropout,
        tape: &EmbeddingsTape,
        flow: &mut Flow,
        gradient: &mut [f32],
    ) {
        let Pass {
            config,
            values,
            batch,
            ..
        } = *pass;
        let Flow {
            states, products, ..
        } = flow;
        let hidden = config.hidden;
        dropout.apply(states);
        let gamma = &values[self.norm.gamma.clone()];
        let [dgamma, dbeta] = self.norm.gradients(gradient);
        layer_norm_backward(states, gamma, &tape.normalized, dgamma, dbeta, products);
        scatter(
            states,
            hidden,
            &batch.positions,
            &mut gradient[self.position.clone()],
        );
        scatter(
            states,
            hidden,
            &batch.segments,
            &mut gradient[self.segment.clone()],
        );
        match &self.projection {
            None => scatter(states, hidden, &batch.ids, &mut gradient[self.word.clone()]),
            Some(projection) => {
                let rank = projection.inputs;
                let mut factors = vec![0.0; tape.factors.len()];
                let into = Some((&mut factors[..], false));
                projection.backward(values, &tape.factors, states, into, gradient);
                scatter(&factors, rank, &batch.ids, &mut gradient[self.word.clone()]);
            }
        }
    }
}
