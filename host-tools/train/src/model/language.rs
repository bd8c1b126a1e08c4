//! The heads of pre-training (Devlin et al., section 3.1): the words behind masks, and whether the
//! second sentence follows the first.

use super::Pass;
use super::embeddings::Embeddings;
use super::parameters::{Dense, Norm, Parameters};
use crate::ops::{
    Matrix, MatrixMut, Normalized, activate, activate_backward, gather, layer_norm,
    layer_norm_backward, product, scatter, sum_rows, tanh, tanh_backward,
};
use std::ops::Range;

/// Where the parameters of both heads lie.
#[derive(Clone, Debug)]
pub struct LanguageHead {
    /// `[hidden x hidden]`, then the activation function and a LayerNorm.
    pub transform: Dense,
    pub norm: Norm,
    /// Of each piece; the weights are the word embeddings.
    pub bias: Range<usize>,
    pub pooler: Dense,
    /// Two scores of the pooled `[CLS]`: follows, or does not.
    pub next: Dense,
}

/// What the backward pass needs.
#[derive(Clone, Debug, Default)]
pub struct LanguageTape {
    /// The tokens that were guessed.
    places: Vec<u32>,
    masked: Vec<f32>,
    before: Vec<f32>,
    after: Vec<f32>,
    normalized: Normalized,
    /// Where word embeddings have a rank: the states in its channels.
    narrow: Vec<f32>,
    cls: Vec<f32>,
    pooled: Vec<f32>,
}

/// What both heads say, or its gradient.
#[derive(Clone, Debug, Default)]
pub struct LanguageLogits {
    /// `[masked tokens x vocabulary]`
    pub words: Vec<f32>,
    /// `[sequences x 2]`
    pub next: Vec<f32>,
}

impl LanguageHead {
    pub fn new(hidden: usize, vocabulary: usize, parameters: &mut Parameters) -> Self {
        LanguageHead {
            transform: Dense::new(hidden, hidden, parameters),
            norm: Norm::new(hidden, parameters),
            bias: parameters.vector(vocabulary),
            pooler: Dense::new(hidden, hidden, parameters),
            next: Dense::new(hidden, 2, parameters),
        }
    }

    /// Computes what is said of the tokens `masked` and of all sequences by the last hidden states.
    pub fn forward(
        &self,
        pass: &Pass<'_>,
        embeddings: &Embeddings,
        states: &[f32],
        masked: &[usize],
        tape: &mut LanguageTape,
        logits: &mut LanguageLogits,
    ) {
        let (config, values) = (pass.config, pass.values);
        let hidden = config.hidden;
        tape.places.clear();
        tape.places.extend(masked.iter().map(|&token| token as u32));
        tape.masked.resize(masked.len() * hidden, 0.0);
        gather(states, hidden, &tape.places, &mut tape.masked, false);
        self.transform
            .forward(values, &tape.masked, &mut tape.before);
        tape.after.resize(tape.before.len(), 0.0);
        activate(config.activation, &tape.before, &mut tape.after);
        let (gamma, beta) = (self.norm.gamma.clone(), self.norm.beta.clone());
        let norm = [&values[gamma], &values[beta]];
        layer_norm(
            &mut tape.after,
            norm[0],
            norm[1],
            config.epsilon,
            &mut tape.normalized,
        );
        if let Some(projection) = &embeddings.projection {
            let rank = projection.inputs;
            tape.narrow.resize(masked.len() * rank, 0.0);
            let mut narrow = MatrixMut::new(&mut tape.narrow, masked.len(), rank);
            let after = Matrix::new(&tape.after, masked.len(), hidden);
            let weight = Matrix::new(&values[projection.weight.clone()], hidden, rank);
            // The projection's bias adds the same to the scores of all pieces.
            product(&mut narrow, after, weight, 1.0, false);
        }
        let (inputs, width) = tape.decoder_inputs(embeddings, hidden);
        let words = Matrix::new(&values[embeddings.word.clone()], config.vocabulary, width);
        let out = &mut logits.words;
        out.resize(masked.len() * config.vocabulary, 0.0);
        for row in out.chunks_exact_mut(config.vocabulary) {
            row.copy_from_slice(&values[self.bias.clone()]);
        }
        let mut out = MatrixMut::new(out, masked.len(), config.vocabulary);
        let inputs = Matrix::new(inputs, masked.len(), width);
        product(&mut out, inputs, words.t(), 1.0, true);

        let firsts = pass.batch.firsts();
        tape.cls.resize(firsts.len() * hidden, 0.0);
        gather(states, hidden, &firsts, &mut tape.cls, false);
        self.pooler.forward(values, &tape.cls, &mut tape.pooled);
        tanh(&mut tape.pooled);
        self.next.forward(values, &tape.pooled, &mut logits.next);
    }

    /// The gradient of the last hidden states by that of the logits; adds those of parameters, the
    /// word embeddings among them.
    pub fn backward(
        &self,
        pass: &Pass<'_>,
        embeddings: &Embeddings,
        tape: &LanguageTape,
        logits: &LanguageLogits,
        states: &mut [f32],
        gradient: &mut [f32],
    ) {
        let (config, values) = (pass.config, pass.values);
        let masked = &tape.places;
        let (hidden, vocabulary, rows) = (config.hidden, config.vocabulary, masked.len());
        states.fill(0.0);
        sum_rows(&logits.words, &mut gradient[self.bias.clone()]);
        let (inputs, width) = tape.decoder_inputs(embeddings, hidden);
        let dlogits = Matrix::new(&logits.words, rows, vocabulary);
        let inputs = Matrix::new(inputs, rows, width);
        let dwords = &mut gradient[embeddings.word.clone()];
        let mut dwords = MatrixMut::new(dwords, vocabulary, width);
        product(&mut dwords, dlogits.t(), inputs, 1.0, true);
        let words = Matrix::new(&values[embeddings.word.clone()], vocabulary, width);
        let mut dinputs = vec![0.0; rows * width];
        product(
            &mut MatrixMut::new(&mut dinputs, rows, width),
            dlogits,
            words,
            1.0,
            false,
        );
        let mut dafter = dinputs;
        if let Some(projection) = &embeddings.projection {
            let dnarrow = Matrix::new(&dafter, rows, width);
            let dweight = &mut gradient[projection.weight.clone()];
            let after = Matrix::new(&tape.after, rows, hidden);
            let mut dweight = MatrixMut::new(dweight, hidden, width);
            product(&mut dweight, after.t(), dnarrow, 1.0, true);
            let weight = Matrix::new(&values[projection.weight.clone()], hidden, width);
            let mut wide = vec![0.0; rows * hidden];
            let mut out = MatrixMut::new(&mut wide, rows, hidden);
            product(&mut out, dnarrow, weight.t(), 1.0, false);
            dafter = wide;
        }
        let [dgamma, dbeta] = self.norm.gradients(gradient);
        let gamma = &values[self.norm.gamma.clone()];
        let mut scratch = Vec::new();
        layer_norm_backward(
            &mut dafter,
            gamma,
            &tape.normalized,
            dgamma,
            dbeta,
            &mut scratch,
        );
        activate_backward(config.activation, &tape.before, &mut dafter);
        let mut dmasked = vec![0.0; rows * hidden];
        let into = Some((&mut dmasked[..], false));
        self.transform
            .backward(values, &tape.masked, &dafter, into, gradient);
        scatter(&dmasked, hidden, masked, states);

        let mut pooled = vec![0.0; tape.pooled.len()];
        let into = Some((&mut pooled[..], false));
        self.next
            .backward(values, &tape.pooled, &logits.next, into, gradient);
        tanh_backward(&tape.pooled, &mut pooled);
        let mut cls = vec![0.0; tape.cls.len()];
        let into = Some((&mut cls[..], false));
        self.pooler
            .backward(values, &tape.cls, &pooled, into, gradient);
        scatter(&cls, hidden, &pass.batch.firsts(), states);
    }
}

impl LanguageTape {
    /// What the word embeddings are multiplied with, and its width.
    fn decoder_inputs(&self, embeddings: &Embeddings, hidden: usize) -> (&[f32], usize) {
        match &embeddings.projection {
            Some(projection) => (&self.narrow, projection.inputs),
            None => (&self.after, hidden),
        }
    }
}
