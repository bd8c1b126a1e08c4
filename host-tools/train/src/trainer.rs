//! The loop of training: epochs of shuffled batches, a look at the development set after each, the
//! best kept, and a checkpoint from which a run goes on bit for bit.
//!
//! All that is random follows from the seed, the epoch and the step, so a checkpoint is no more
//! than the parameters, the optimizer's moments and those numbers.

use crate::classifier::{Classifier, Knowledge, Objective, Workspace};
use crate::example::Example;
use crate::model::Rates;
use crate::ops::Dropout;
use crate::optimizer::{self, AdamW, scheduled};
use crate::random::Random;
use crate::state::{State, StateError};
use std::path::PathBuf;
use std::time::Instant;

#[derive(Clone, Debug)]
pub struct Settings {
    pub epochs: usize,
    /// Examples of a step.
    pub batch: usize,
    /// Gradients of so many parts of a batch are added before a step: for batches that memory has
    /// no room for.
    pub parts: usize,
    pub learning_rate: f32,
    /// Share of all steps in which the learning rate grows.
    pub warmup: f32,
    pub dropout: f32,
    /// Stop when so many epochs in a row were no better.
    pub patience: usize,
    pub seed: u64,
    pub optimizer: optimizer::Settings,
    /// Of labels and teacher; its dropout is that of the step.
    pub objective: Objective,
    /// Where to keep checkpoints, and after how many steps.
    pub checkpoint: Option<(PathBuf, u64)>,
}

/// What a run shows of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Progress {
    /// A step was taken.
    Step {
        step: u64,
        steps: u64,
        loss: f64,
        learning_rate: f32,
        /// Of the whole run so far.
        tokens_per_second: f64,
    },
    /// An epoch has ended with this score on the development set.
    Epoch {
        epoch: usize,
        score: f64,
        best: bool,
    },
}

/// Trains a model; it has the best parameters of all epochs in the end. `score` tells how good a
/// model is on the development set, the more the better.
///
/// # Errors
/// When a checkpoint cannot be written, or is none of this run.
pub fn train(
    model: &mut Classifier,
    examples: &[Example],
    teacher: Option<&[Knowledge]>,
    settings: &Settings,
    mut score: impl FnMut(&Classifier) -> f64,
    mut progress: impl FnMut(Progress),
) -> Result<f64, StateError> {
    let per_epoch = examples.len().div_ceil(settings.batch) as u64;
    let steps = per_epoch * settings.epochs as u64;
    let warmup = (steps as f64 * f64::from(settings.warmup)) as u64;
    let optimizer = AdamW::new(settings.optimizer, &model.parameters);
    let mut state = State::new(model, optimizer);
    if let Some((path, _)) = settings
        .checkpoint
        .as_ref()
        .filter(|(path, _)| path.exists())
    {
        state.read(path)?;
        model.parameters.values.clone_from(&state.values);
    }
    let mut gradient = vec![0.0; model.parameters.values.len()];
    let mut workspace = Workspace::default();
    let (start, mut tokens) = (Instant::now(), 0);
    let mut order = Vec::new();
    while state.optimizer.steps < steps && state.waited <= settings.patience {
        let step = state.optimizer.steps;
        let (epoch, place) = ((step / per_epoch) as usize, (step % per_epoch) as usize);
        if order.is_empty() || place == 0 {
            order = shuffled(examples.len(), settings.seed, epoch as u64);
        }
        let chosen = order.chunks(settings.batch).nth(place).unwrap_or_default();
        let lesson = Lesson {
            examples,
            teacher,
            chosen,
            dropout: Dropout::new(settings.dropout, settings.seed, step),
        };
        let loss = lesson.learn(model, settings, &mut workspace, &mut gradient);
        tokens += lesson.tokens();
        let learning_rate = scheduled(settings.learning_rate, step, warmup, steps);
        let parameters = &mut model.parameters;
        state
            .optimizer
            .step(learning_rate, parameters, &mut gradient);
        progress(Progress::Step {
            step: step + 1,
            steps,
            loss,
            learning_rate,
            tokens_per_second: tokens as f64 / start.elapsed().as_secs_f64(),
        });

        let ends_epoch = (step + 1).is_multiple_of(per_epoch);
        if ends_epoch {
            let score = score(model);
            let best = state.judge(score, &model.parameters.values);
            progress(Progress::Epoch { epoch, score, best });
        }
        if let Some((path, every)) = &settings.checkpoint
            && (ends_epoch || (step + 1).is_multiple_of(*every))
        {
            state.values.clone_from(&model.parameters.values);
            state.write(path)?;
        }
    }
    model.parameters.values.clone_from(&state.best_values);
    Ok(state.best.unwrap_or_default())
}

/// What is learnt in a step.
struct Lesson<'a> {
    examples: &'a [Example],
    teacher: Option<&'a [Knowledge]>,
    /// The examples of the batch.
    chosen: &'a [usize],
    dropout: Dropout,
}

impl Lesson<'_> {
    fn tokens(&self) -> usize {
        let lengths = self
            .chosen
            .iter()
            .map(|&index| self.examples[index].ids.len());
        lengths.sum()
    }

    /// Adds the gradient of the mean loss of the batch, a part of it at a time.
    fn learn(
        &self,
        model: &Classifier,
        settings: &Settings,
        workspace: &mut Workspace,
        gradient: &mut [f32],
    ) -> f64 {
        let size = settings.batch.div_ceil(settings.parts);
        let losses = self.chosen.chunks(size).enumerate().map(|(index, part)| {
            let share = part.len() as f32 / self.chosen.len() as f32;
            let some = of(self.examples, part);
            let taught = self.teacher.map(|teacher| of(teacher, part));
            let dropout = self.dropout.at(index as u32);
            let objective = Objective {
                hard: settings.objective.hard * share,
                soft: settings.objective.soft * share,
                rates: Rates {
                    hidden: dropout,
                    attention: dropout,
                },
                ..settings.objective.clone()
            };
            model.learn(&some, taught.as_deref(), &objective, workspace, gradient)
        });
        losses.sum()
    }
}

fn of<'a, T>(all: &'a [T], chosen: &[usize]) -> Vec<&'a T> {
    chosen.iter().map(|&index| &all[index]).collect()
}

/// The numbers below `count` in an order that follows from seed and epoch (Fisher and Yates).
fn shuffled(count: usize, seed: u64, epoch: u64) -> Vec<usize> {
    let mut random = Random(seed ^ epoch.wrapping_mul(0xd1b5_4a32_d192_ed03));
    let mut order: Vec<usize> = (0..count).collect();
    for end in (1..count).rev() {
        order.swap(end, random.below(end + 1));
    }
    order
}
