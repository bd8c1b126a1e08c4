//! A BERT with the heads of pre-training, and how it learns from exercises.

use super::batch::PretrainingBatch;
use crate::model::{
    Config, DropoutRates, Encoder, Injected, LanguageHead, LanguageLogits, LanguageTape,
    Parameters, Pass, Tape, float_dense, float_model, load, load_dense,
};
use crate::ops::cross_entropy;
use embert_tools::checkpoint::{FloatModel, LanguageModeling, LayerNorm};

/// Encoder and heads with their parameters.
#[derive(Clone, Debug)]
pub struct LanguageModel {
    pub encoder: Encoder,
    pub head: LanguageHead,
    pub parameters: Parameters,
}

/// Memory of a pass, used again for the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Workspace {
    tape: Tape,
    head: LanguageTape,
    pub logits: LanguageLogits,
    dlogits: LanguageLogits,
}

/// Sums of the losses of both tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Losses {
    pub words: f64,
    pub next: f64,
}

impl LanguageModel {
    /// A model of this shape, its parameters drawn at random.
    pub fn new(config: Config, seed: u64) -> Self {
        let mut parameters = Parameters::default();
        let (hidden, vocabulary) = (config.hidden, config.vocabulary);
        let encoder = Encoder::new(config, &mut parameters);
        let head = LanguageHead::new(hidden, vocabulary, &mut parameters);
        // BERT's 0.02 is for 768 channels: sums of fewer products should come out as large, or next to
        // nothing reaches the state of `[CLS]` at first.
        parameters.draw(0.02 * (768.0 / hidden as f32).sqrt(), seed);
        LanguageModel {
            encoder,
            head,
            parameters,
        }
    }

    /// A model that has been pre-trained before; heads that the checkpoint lacks are drawn at random.
    pub fn of(model: &FloatModel, heads: Option<&LanguageModeling>, seed: u64) -> Self {
        let mut new = Self::new(Config::of(model), seed);
        let (head, parameters) = (&new.head, &mut new.parameters);
        load(&new.encoder, model, parameters);
        if let Some(pooler) = &model.pooler {
            load_dense(&head.pooler, pooler, parameters);
        }
        if let Some(floats) = heads {
            load_dense(&head.transform, &floats.transform, parameters);
            load_dense(&head.next, &floats.next, parameters);
            for (place, tensor) in [
                (&head.norm.gamma, &floats.norm.gamma),
                (&head.norm.beta, &floats.norm.beta),
                (&head.bias, &floats.bias),
            ] {
                parameters.values[place.clone()].copy_from_slice(tensor);
            }
        }
        new
    }

    /// The encoder with its pooler, and the heads, as plain tensors.
    pub fn floats(&self) -> (FloatModel, LanguageModeling) {
        let (head, values) = (&self.head, &self.parameters.values);
        let model = FloatModel {
            pooler: Some(float_dense(&head.pooler, values)),
            ..float_model(&self.encoder, values)
        };
        let heads = LanguageModeling {
            transform: float_dense(&head.transform, values),
            norm: LayerNorm {
                gamma: values[head.norm.gamma.clone()].to_vec(),
                beta: values[head.norm.beta.clone()].to_vec(),
                epsilon: self.encoder.config.epsilon,
            },
            bias: values[head.bias.clone()].to_vec(),
            next: float_dense(&head.next, values),
        };
        (model, heads)
    }

    /// Computes logits, and adds the losses' gradient by them: `scales` tells what each masked word
    /// and each pair counts.
    fn forward(
        &self,
        pass: &Pass<'_>,
        exercise: &PretrainingBatch,
        scales: [f32; 2],
        workspace: &mut Workspace,
    ) -> Losses {
        let Workspace {
            tape,
            head,
            logits,
            dlogits,
        } = workspace;
        let embeddings = &self.encoder.embeddings;
        self.encoder.forward(pass, tape);
        let (states, masked) = (tape.output(), &exercise.masked);
        self.head
            .forward(pass, embeddings, states, masked, head, logits);
        let loss = |logits: &[f32], targets, scale, gradient: &mut Vec<f32>| {
            let classes = logits.len() / usize::max(1, <[_]>::len(targets));
            gradient.clear();
            gradient.resize(logits.len(), 0.0);
            cross_entropy(logits, classes, targets, None, scale, gradient)
        };
        let words = loss(
            &logits.words,
            &exercise.words[..],
            scales[0],
            &mut dlogits.words,
        );
        let next = loss(&logits.next, &exercise.next, scales[1], &mut dlogits.next);
        Losses { words, next }
    }

    /// Adds the gradient of the losses; `scales` tells what each masked word and each pair counts.
    pub(super) fn learn(
        &self,
        exercise: &PretrainingBatch,
        scales: [f32; 2],
        rates: DropoutRates,
        workspace: &mut Workspace,
        gradient: &mut [f32],
    ) -> Losses {
        let values = &self.parameters.values;
        let pass = self.encoder.pass(values, &exercise.batch, rates);
        let losses = self.forward(&pass, exercise, scales, workspace);
        let Workspace {
            tape,
            head,
            dlogits,
            ..
        } = workspace;
        let (_, states) = tape.gradient();
        let embeddings = &self.encoder.embeddings;
        self.head
            .backward(&pass, embeddings, head, dlogits, states, gradient);
        let none = Injected::default();
        self.encoder.backward(&pass, tape, &none, gradient);
        losses
    }

    /// The losses without learning from them; the workspace has the logits.
    pub(super) fn update_best(
        &self,
        exercise: &PretrainingBatch,
        workspace: &mut Workspace,
    ) -> Losses {
        let values = &self.parameters.values;
        let pass = self
            .encoder
            .pass(values, &exercise.batch, DropoutRates::NONE);
        self.forward(&pass, exercise, [0.0; 2], workspace)
    }
}
