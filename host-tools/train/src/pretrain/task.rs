//! Learning language: steps of exercises, judged by documents that nothing is learnt from.

use super::batch::{BatchSampler, PretrainingBatch};
use super::corpus::Corpus;
use super::model::{LanguageModel, Losses, Workspace};
use crate::evaluate::predict::largest;
use crate::model::{DropoutRates, Parameters};
use crate::ops::Dropout;
use crate::trainer::data_parallel::{self, DataParallel};
use crate::trainer::fingerprint::fingerprint;
use crate::trainer::{StepStats, TrainingTask};
use serde::Serialize;

/// Sequences that a model is judged by, and how many of them at a time.
const JUDGED: u64 = 1024;
const AT_A_TIME: usize = 32;

/// Keeps the exercises of held-out documents apart from those that a run begins with.
const HELD_OUT: u64 = 0x68656c64_2d6f7574;

/// What a model learns from, and how.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// Of the documents that are learnt from.
    pub maker: BatchSampler<'a>,
    /// Documents that the model is judged by.
    pub held_out: &'a Corpus,
    /// Sequences of a step.
    pub batch: usize,
    /// Gradients of so many parts of a batch are added before a step: for batches that memory has
    /// no room for.
    pub parts: usize,
}

/// A model, and what it learns from.
pub struct Pretraining<'a> {
    model: &'a mut LanguageModel,
    data: Data<'a>,
    /// Of the held-out documents: the same each time.
    exercises: Vec<PretrainingBatch>,
    shares: DataParallel<Workspace>,
}

/// How well a model knows the held-out documents.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Report {
    pub masked_words: usize,
    /// Of the masked words, in nats: the mean of -ln p.
    pub cross_entropy: f64,
    /// Its exponential.
    pub perplexity: f64,
    /// What the cross entropy would be by how frequent each word is in the text that was learnt from.
    pub unigram_cross_entropy: f64,
    /// Share of the masked words that are the most probable ones.
    pub accuracy: f64,
    pub pairs: usize,
    /// Of whether the second segment follows, in nats.
    pub next_cross_entropy: f64,
    pub next_accuracy: f64,
}

impl<'a> Pretraining<'a> {
    pub fn new(model: &'a mut LanguageModel, data: Data<'a>) -> Self {
        let maker = BatchSampler {
            corpus: data.held_out,
            seed: data.maker.seed ^ HELD_OUT,
            ..data.maker
        };
        let firsts = (0..JUDGED).step_by(AT_A_TIME);
        let exercises = firsts.map(|first| maker.exercise(first..first + AT_A_TIME as u64));
        Pretraining {
            model,
            data,
            exercises: exercises.collect(),
            shares: DataParallel::default(),
        }
    }

    /// What the model makes of the held-out documents.
    pub fn report(&mut self) -> Report {
        let vocabulary = self.model.encoder.config.vocabulary;
        let counts = self.data.maker.corpus.counts(vocabulary);
        // One more of each, so that none is impossible.
        let all = (counts.iter().sum::<u64>() + vocabulary as u64) as f64;
        let surprise = |word: &u32| -((counts[*word as usize] + 1) as f64 / all).ln();
        let words = self.exercises.iter().flat_map(|exercise| &exercise.words);
        let unigram: f64 = words.flatten().map(surprise).sum();

        let mut losses = Losses::default();
        let [mut words, mut right, mut pairs, mut right_pairs] = [0; 4];
        let workspace = self.shares.workspace();
        for exercise in &self.exercises {
            let sums = self.model.update_best(exercise, workspace);
            losses.words += sums.words;
            losses.next += sums.next;
            let logits = &workspace.logits;
            words += exercise.words.len();
            right += hits(&logits.words, &exercise.words);
            pairs += exercise.next.len();
            right_pairs += hits(&logits.next, &exercise.next);
        }
        let share = |part: f64, all: usize| part / all.max(1) as f64;
        let cross_entropy = share(losses.words, words);
        Report {
            masked_words: words,
            cross_entropy,
            perplexity: cross_entropy.exp(),
            unigram_cross_entropy: share(unigram, words),
            accuracy: share(right as f64, words),
            pairs,
            next_cross_entropy: share(losses.next, pairs),
            next_accuracy: share(right_pairs as f64, pairs),
        }
    }
}

impl TrainingTask for Pretraining<'_> {
    fn parameters(&mut self) -> &mut Parameters {
        &mut self.model.parameters
    }

    /// As many as the text has batches of full sequences.
    fn steps(&self) -> u64 {
        let BatchSampler { corpus, tokens, .. } = self.data.maker;
        corpus.tokens().div_ceil(self.data.batch * tokens) as u64
    }

    /// Each masked word of the batch counts the same, and each pair.
    fn learn(&mut self, step: u64, dropout: Dropout, gradient: &mut [f32]) -> StepStats {
        let Data {
            maker,
            batch,
            parts,
            ..
        } = self.data;
        let part = data_parallel::part(batch, parts);
        let (batch, first) = (batch as u64, step * batch as u64);
        let starts = (0..batch).step_by(part);
        let exercises: Vec<PretrainingBatch> = starts
            .map(|start| {
                let end = (start + part as u64).min(batch);
                maker.exercise(first + start..first + end)
            })
            .collect();
        let words: usize = exercises.iter().map(|exercise| exercise.words.len()).sum();
        let scales = [1.0 / words.max(1) as f32, 1.0 / batch as f32];
        let model = &self.model;
        self.shares.learn(
            &exercises,
            gradient,
            |index, exercise, workspace, gradient| {
                let dropout = dropout.at(index as u32);
                let rates = DropoutRates {
                    hidden: dropout,
                    attention: dropout,
                };
                let losses = model.learn(exercise, scales, rates, workspace, gradient);
                StepStats {
                    loss: f64::from(scales[0]) * losses.words + f64::from(scales[1]) * losses.next,
                    tokens: exercise.batch.tokens(),
                }
            },
        )
    }

    fn checksum(&self) -> u32 {
        let Data {
            maker,
            held_out,
            batch,
            ..
        } = self.data;
        #[derive(Serialize)]
        struct Description {
            corpora: [u32; 2],
            batch: usize,
            tokens: usize,
            whole_words: bool,
            seed: u64,
        }
        fingerprint(&Description {
            corpora: [maker.corpus, held_out].map(Corpus::checksum),
            batch,
            tokens: maker.tokens,
            whole_words: maker.whole_words,
            seed: maker.seed,
        })
    }

    /// Minus the loss of both tasks.
    fn score(&mut self) -> f64 {
        let report = self.report();
        -(report.cross_entropy + report.next_cross_entropy)
    }
}

/// Rows whose largest logit is the target's.
fn hits(logits: &[f32], targets: &[Option<u32>]) -> usize {
    let rows = logits.chunks_exact(logits.len() / targets.len().max(1));
    let hits = rows
        .zip(targets)
        .filter(|(row, target)| Some(largest(row) as u32) == **target);
    hits.count()
}
