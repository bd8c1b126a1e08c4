//! What stands on the encoder in fine-tuning (Devlin et al., section 4): a classifier of texts on
//! the pooled state of `[CLS]`, one of tokens on each state, or both; an answer's start and end are
//! two labels of tokens.

use super::Pass;
use super::parameters::{Dense, Parameters};
use crate::ops::{Steps, gather, scatter, tanh, tanh_backward};

#[derive(Clone, Debug, Default)]
pub struct Head {
    /// `[hidden x hidden]`, then tanh, over the state of `[CLS]`; there is one with `sequence`.
    pub pooler: Option<Dense>,
    /// `[labels x hidden]`, over pooled states.
    pub sequence: Option<Dense>,
    /// `[labels x hidden]`, over the states of all tokens; `[2 x hidden]` for start and end.
    pub tokens: Option<Dense>,
}

/// What the classifiers say, or its gradient.
#[derive(Clone, Debug, Default)]
pub struct Logits {
    /// `[sequences x labels]`
    pub sequence: Vec<f32>,
    /// `[tokens x labels]`
    pub tokens: Vec<f32>,
}

#[derive(Clone, Debug, Default)]
pub struct HeadTape {
    cls: Vec<f32>,
    pooled: Vec<f32>,
    /// Pooled states and those of tokens, as dropout leaves them.
    dropped: Logits,
    /// Inputs of a matrix as the engine rounds them.
    rounded: Vec<f32>,
}

/// Where dropout is at work.
const POOLED: u32 = u32::MAX - 1;
const TOKENS: u32 = u32::MAX - 2;

impl Head {
    /// A head of so many labels of texts and of tokens; none of a kind where there are 0.
    pub fn new(hidden: usize, labels: [usize; 2], parameters: &mut Parameters) -> Self {
        let [sequence, tokens] = labels;
        let mut dense = |outputs| match outputs {
            0 => None,
            outputs => Some(Dense::new(hidden, outputs, parameters)),
        };
        Head {
            pooler: dense(if sequence > 0 { hidden } else { 0 }),
            sequence: dense(sequence),
            tokens: dense(tokens),
        }
    }

    /// Computes logits by the last hidden states.
    pub fn forward(
        &self,
        pass: &Pass<'_>,
        states: &[f32],
        tape: &mut HeadTape,
        logits: &mut Logits,
    ) {
        let (values, dropout) = (pass.values, pass.rates.hidden);
        if let (Some(pooler), Some(classifier)) = (&self.pooler, &self.sequence) {
            let hidden = pooler.inputs;
            let firsts = pass.batch.firsts();
            tape.cls.resize(firsts.len() * hidden, 0.0);
            gather(states, hidden, &firsts, &mut tape.cls, false);
            let inputs = pass.inputs(&tape.cls, hidden, Steps::Range, &mut tape.rounded);
            pooler.forward(values, inputs, &mut tape.pooled);
            tanh(&mut tape.pooled);
            let dropped = &mut tape.dropped.sequence;
            dropped.clone_from(&tape.pooled);
            dropout.at(POOLED).apply(dropped);
            classifier.forward(values, dropped, &mut logits.sequence);
        }
        if let Some(classifier) = &self.tokens {
            let dropped = &mut tape.dropped.tokens;
            dropped.clear();
            dropped.extend_from_slice(states);
            dropout.at(TOKENS).apply(dropped);
            let width = classifier.inputs;
            let inputs = pass.inputs(dropped, width, Steps::Range, &mut tape.rounded);
            classifier.forward(values, inputs, &mut logits.tokens);
        }
    }

    /// The gradient of the last hidden states by that of the logits; adds those of parameters.
    pub fn backward(
        &self,
        pass: &Pass<'_>,
        tape: &HeadTape,
        logits: &Logits,
        states: &mut [f32],
        gradient: &mut [f32],
    ) {
        let (values, dropout) = (pass.values, pass.rates.hidden);
        states.fill(0.0);
        if let Some(classifier) = &self.tokens {
            let into = Some((&mut states[..], false));
            classifier.backward(values, &tape.dropped.tokens, &logits.tokens, into, gradient);
            dropout.at(TOKENS).apply(states);
        }
        if let (Some(pooler), Some(classifier)) = (&self.pooler, &self.sequence) {
            let mut pooled = vec![0.0; tape.pooled.len()];
            let into = Some((&mut pooled[..], false));
            classifier.backward(
                values,
                &tape.dropped.sequence,
                &logits.sequence,
                into,
                gradient,
            );
            dropout.at(POOLED).apply(&mut pooled);
            tanh_backward(&tape.pooled, &mut pooled);
            let hidden = pooler.inputs;
            let mut cls = vec![0.0; tape.cls.len()];
            pooler.backward(
                values,
                &tape.cls,
                &pooled,
                Some((&mut cls, false)),
                gradient,
            );
            scatter(&cls, hidden, &pass.batch.firsts(), states);
        }
    }
}
