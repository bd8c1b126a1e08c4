//! One encoder layer (Vaswani et al., arXiv 1706.03762, section 3.1, with BERT's dropout).

use super::parameters::{Dense, Norm, Parameters};
use super::{Config, Pass};
use crate::ops::{
    Heads, Normalized, Steps, activate, activate_backward, add, attend, attend_backward,
    layer_norm, layer_norm_backward, round_rows,
};

/// Where a layer's parameters lie.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Queries, keys and values in one matrix, `[3 hidden x hidden]`.
    pub qkv: Dense,
    pub attention_output: Dense,
    pub attention_norm: Norm,
    pub intermediate: Dense,
    pub output: Dense,
    pub output_norm: Norm,
}

/// What the backward pass of a layer needs.
#[derive(Clone, Debug, Default)]
pub struct LayerTape {
    /// `[tokens x 3 hidden]`
    pub qkv: Vec<f32>,
    weights: Vec<f32>,
    context: Vec<f32>,
    attended: Normalized,
    /// Between attention and feed-forward network.
    middle: Vec<f32>,
    /// Before and after the activation function.
    inner: Vec<f32>,
    activated: Vec<f32>,
    fed: Normalized,
    /// Inputs of a matrix as the engine rounds them.
    rounded: Vec<f32>,
}

/// Gradients on their way, kept to be used again.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Of the hidden states.
    pub states: Vec<f32>,
    branch: Vec<f32>,
    inner: Vec<f32>,
    qkv: Vec<f32>,
    pub products: Vec<f32>,
}

impl Layer {
    pub fn new(config: &Config, parameters: &mut Parameters) -> Self {
        let (hidden, inner) = (config.hidden, config.intermediate);
        Layer {
            qkv: Dense::new(hidden, 3 * hidden, parameters),
            attention_output: Dense::new(hidden, hidden, parameters),
            attention_norm: Norm::new(hidden, parameters),
            intermediate: Dense::new(hidden, inner, parameters),
            output: Dense::new(inner, hidden, parameters),
            output_norm: Norm::new(hidden, parameters),
        }
    }

    /// Computes the layer's output by its input, `[tokens x hidden]`.
    pub fn forward(
        &self,
        pass: &Pass<'_>,
        input: &[f32],
        tape: &mut LayerTape,
        output: &mut Vec<f32>,
    ) {
        let Pass {
            config,
            values,
            batch,
            rates,
            rounded,
        } = *pass;
        let (hidden, room) = (config.hidden, &mut tape.rounded);
        let norm = |norm: &Norm| (&values[norm.gamma.clone()], &values[norm.beta.clone()]);
        let inputs = pass.inputs(input, hidden, Steps::Range, room);
        self.qkv.forward(values, inputs, &mut tape.qkv);
        if rounded {
            round_rows(&mut tape.qkv, heads(config).width, Steps::Symmetric);
        }
        tape.context.resize(input.len(), 0.0);
        attend(
            heads(config),
            &tape.qkv,
            &batch.sequences,
            rates.attention,
            &mut tape.weights,
            &mut tape.context,
        );
        let middle = &mut tape.middle;
        let inputs = pass.inputs(&tape.context, hidden, Steps::Symmetric, room);
        self.attention_output.forward(values, inputs, middle);
        rates.hidden.at(0).apply(middle);
        add(middle, input);
        let (gamma, beta) = norm(&self.attention_norm);
        layer_norm(middle, gamma, beta, config.epsilon, &mut tape.attended);

        let inputs = pass.inputs(middle, hidden, Steps::Range, room);
        self.intermediate.forward(values, inputs, &mut tape.inner);
        tape.activated.resize(tape.inner.len(), 0.0);
        activate(config.activation, &tape.inner, &mut tape.activated);
        let width = config.intermediate;
        let inputs = pass.inputs(&tape.activated, width, Steps::Range, room);
        self.output.forward(values, inputs, output);
        rates.hidden.at(1).apply(output);
        add(output, middle);
        let (gamma, beta) = norm(&self.output_norm);
        layer_norm(output, gamma, beta, config.epsilon, &mut tape.fed);
    }

    /// Turns the gradient of the output, in `flow`, into that of the input. `dqkv` is what losses on
    /// queries, keys and values add to theirs.
    pub fn backward(
        &self,
        pass: &Pass<'_>,
        input: &[f32],
        tape: &LayerTape,
        dqkv: Option<&[f32]>,
        flow: &mut Flow,
        gradient: &mut [f32],
    ) {
        let Pass {
            config,
            values,
            batch,
            rates,
            ..
        } = *pass;
        let Flow {
            states,
            branch,
            inner,
            qkv,
            products,
        } = flow;
        let mut norm = |norm: &Norm, kept, states: &mut [f32], gradient: &mut [f32]| {
            let gamma = &values[norm.gamma.clone()];
            let [dgamma, dbeta] = norm.gradients(gradient);
            layer_norm_backward(states, gamma, kept, dgamma, dbeta, products);
        };
        norm(&self.output_norm, &tape.fed, states, gradient);
        branch.clear();
        branch.extend_from_slice(states);
        rates.hidden.at(1).apply(branch);
        inner.resize(tape.inner.len(), 0.0);
        let into = Some((&mut inner[..], false));
        self.output
            .backward(values, &tape.activated, branch, into, gradient);
        activate_backward(config.activation, &tape.inner, inner);
        let into = Some((&mut states[..], true));
        self.intermediate
            .backward(values, &tape.middle, inner, into, gradient);

        norm(&self.attention_norm, &tape.attended, states, gradient);
        branch.copy_from_slice(states);
        rates.hidden.at(0).apply(branch);
        // The gradient of the context takes the room of the inner one, which is done with.
        inner.resize(tape.context.len(), 0.0);
        let into = Some((&mut inner[..], false));
        self.attention_output
            .backward(values, &tape.context, branch, into, gradient);
        qkv.resize(tape.qkv.len(), 0.0);
        attend_backward(
            heads(config),
            &tape.qkv,
            &batch.sequences,
            rates.attention,
            &tape.weights,
            inner,
            qkv,
        );
        if let Some(dqkv) = dqkv {
            add(qkv, dqkv);
        }
        self.qkv
            .backward(values, input, qkv, Some((states, true)), gradient);
    }
}

fn heads(config: &Config) -> Heads {
    Heads {
        heads: config.heads,
        width: config.hidden / config.heads,
    }
}
