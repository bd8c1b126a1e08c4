//! The loop of training: epochs of steps, a look at the development set after each, the best kept, and
//! a checkpoint from which a run goes on bit for bit.
//!
//! All that is random follows from the seed, the epoch and the step, so a checkpoint is no more
//! than the parameters, the optimizer's moments and those numbers.

pub(crate) mod data_parallel;
pub(crate) mod fingerprint;
pub mod labelled;
pub mod log;
pub mod optimizer;
pub mod state;

use crate::model::Parameters;
use crate::ops::Dropout;
use optimizer::scheduled;
use serde::Serialize;
use state::{State, StateError};
use std::path::PathBuf;
use std::time::Instant;

/// What a run teaches to a model, step by step.
pub trait TrainingTask {
    /// The parameters of the model.
    fn parameters(&mut self) -> &mut Parameters;

    /// Steps of an epoch.
    fn steps(&self) -> u64;

    /// Adds the gradient of the mean loss of a step's batch, which follows from the step.
    fn learn(&mut self, step: u64, dropout: Dropout, gradient: &mut [f32]) -> StepStats;

    /// Of what is learnt from, and how: with the same alone does a run go on to the same result.
    fn checksum(&self) -> u32;

    /// How good the model is on what it does not learn from, the more the better.
    fn score(&mut self) -> f64;
}

/// What came of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepStats {
    /// Mean loss before the step.
    pub loss: f64,
    /// Tokens of the batch.
    pub tokens: usize,
}

/// The training schedule.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    pub epochs: usize,
    pub learning_rate: f32,
    /// Share of all steps in which the learning rate grows.
    pub warmup: f32,
    pub dropout: f32,
    /// Stop when so many epochs in a row were no better.
    pub patience: usize,
    /// Of dropout.
    pub seed: u64,
    pub optimizer: optimizer::Settings,
    /// Where to keep checkpoints, and after how many steps.
    #[serde(skip)]
    pub checkpoint: Option<(PathBuf, u64)>,
}

impl Settings {
    /// Of a run of these settings, whose lesson has this one.
    fn checksum(&self, lesson: u32) -> u32 {
        fingerprint::fingerprint(&(lesson, self))
    }
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

/// Takes all steps of a run; the model has the best parameters of all epochs in the end, and their score
/// is returned.
///
/// # Errors
/// When a checkpoint cannot be written, or is none of this run.
pub fn train(
    lesson: &mut impl TrainingTask,
    settings: &Settings,
    mut progress: impl FnMut(Progress),
) -> Result<f64, StateError> {
    let per_epoch = lesson.steps();
    let steps = per_epoch * settings.epochs as u64;
    let warmup = (steps as f64 * f64::from(settings.warmup)) as u64;
    let run = settings.checksum(lesson.checksum());
    let parameters = lesson.parameters();
    let mut state = State::new(parameters, settings.optimizer, run);
    if let Some((path, _)) = settings
        .checkpoint
        .as_ref()
        .filter(|(path, _)| path.exists())
    {
        state.read(path)?;
        parameters.values.clone_from(&state.values);
    }
    let mut gradient = vec![0.0; parameters.values.len()];
    let (start, mut tokens) = (Instant::now(), 0);
    while state.optimizer.steps < steps && state.waited <= settings.patience {
        let step = state.optimizer.steps;
        let dropout = Dropout::new(settings.dropout, settings.seed, step);
        let learnt = lesson.learn(step, dropout, &mut gradient);
        tokens += learnt.tokens;
        let learning_rate = scheduled(settings.learning_rate, step, warmup, steps);
        let parameters = lesson.parameters();
        state
            .optimizer
            .step(learning_rate, parameters, &mut gradient);
        progress(Progress::Step {
            step: step + 1,
            steps,
            loss: learnt.loss,
            learning_rate,
            tokens_per_second: tokens as f64 / start.elapsed().as_secs_f64(),
        });

        let ends_epoch = (step + 1).is_multiple_of(per_epoch);
        if ends_epoch {
            let epoch = (step / per_epoch) as usize;
            let score = lesson.score();
            let best = state.update_best(score, &lesson.parameters().values);
            progress(Progress::Epoch { epoch, score, best });
        }
        if let Some((path, every)) = &settings.checkpoint
            && (ends_epoch || (step + 1).is_multiple_of(*every))
        {
            state.values.clone_from(&lesson.parameters().values);
            state.write(path)?;
        }
    }
    lesson.parameters().values.clone_from(&state.best_values);
    Ok(state.best.unwrap_or_default())
}
