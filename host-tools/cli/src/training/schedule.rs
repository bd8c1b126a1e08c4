//! Options of the training schedule, and the training run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use embert_train::loss::objective::Objective;
use embert_train::model::classifier::Classifier;
use embert_train::task::Task;
use embert_train::teacher::CachedTargets;
use embert_train::trainer::labelled::{self, Labelled};
use embert_train::trainer::log::Log;
use embert_train::trainer::{Progress, Settings, TrainingTask, train};
use embert_train::trainer::{optimizer, state};

use super::Examples;
use crate::progress::Bar;

/// The training schedule.
#[derive(Args)]
pub struct Schedule {
    /// Most passes over the training data
    #[arg(long, default_value_t = 3)]
    pub epochs: usize,
    /// Texts in a batch (one optimizer step)
    #[arg(long, default_value_t = 32)]
    pub batch: usize,
    /// Gradient-accumulation steps: a batch is computed in that many parts, which takes less memory
    #[arg(long, alias = "parts", default_value_t = 1, value_name = "STEPS")]
    pub accumulation_steps: usize,
    /// Highest learning rate of AdamW; it falls linearly to 0
    #[arg(long, default_value_t = 5e-5)]
    learning_rate: f32,
    /// Fraction of the steps in which the learning rate rises linearly, 0 to 1
    #[arg(long, default_value_t = 0.1)]
    warmup: f32,
    /// Dropout probability of hidden states and attention weights
    #[arg(long, default_value_t = 0.1)]
    dropout: f32,
    /// Token dropout: probability that a token is replaced by [UNK] in a step
    #[arg(
        long,
        alias = "unseen",
        default_value_t = 0.0,
        value_name = "PROBABILITY"
    )]
    pub token_dropout: f32,
    /// Epochs without a better dev score after which training stops
    #[arg(long, default_value_t = 3)]
    patience: usize,
    /// Seed of initialization, shuffling, dropout and augmentation
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Steps between two saved states, from which --resume continues
    #[arg(long, default_value_t = 500, value_name = "STEPS")]
    save_every: u64,
    /// Continue an interrupted run from its last saved state; the result is bit-identical
    #[arg(long)]
    resume: bool,
}

impl Schedule {
    /// Creates the output folder; an error if it holds an unfinished run and `--resume` is not given.
    pub fn begin(&self, folder: &Path) -> Result<()> {
        let state = state_file(folder);
        if state.exists() && !self.resume {
            bail!(
                "{} holds an unfinished run: continue it with --resume, or remove {}",
                folder.display(),
                state.display()
            );
        }
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
    }

    /// Trains a classifier as [`Self::run`] does.
    pub fn train(
        &self,
        model: &mut Classifier,
        task: &Task,
        examples: &Examples,
        teacher: Option<&CachedTargets>,
        objective: Objective,
        folder: &Path,
    ) -> Result<()> {
        let data = labelled::Data {
            task,
            examples: &examples.train,
            teacher,
            dev: &examples.dev,
            objective,
            batch: self.batch,
            parts: self.accumulation_steps,
            seed: self.seed,
        };
        self.run(&mut Labelled::new(model, data), folder)?;
        Ok(())
    }

    /// Trains with a progress bar and writes training.csv to the folder. Returns tokens per second.
    pub fn run(&self, lesson: &mut impl TrainingTask, folder: &Path) -> Result<f64> {
        let state = state_file(folder);
        let mut log = Log::open(&folder.join("training.csv"), state::steps(&state)?)?;
        let settings = Settings {
            epochs: self.epochs,
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            dropout: self.dropout,
            patience: self.patience,
            seed: self.seed,
            optimizer: optimizer::Settings::default(),
            checkpoint: Some((state, self.save_every)),
        };
        let bar = Bar::new(0, "training");
        let (mut failed, mut speed) = (None, 0.0);
        train(lesson, &settings, |progress| {
            log.add(&progress);
            match progress {
                Progress::Step {
                    step,
                    steps,
                    loss,
                    tokens_per_second,
                    ..
                } => {
                    speed = tokens_per_second;
                    bar.set_steps(steps);
                    bar.set_message(format!("loss {loss:.4}  {speed:.0} tokens/s"));
                    bar.set_done(step);
                }
                Progress::Epoch { epoch, score, best } => {
                    let best = if best { ", the best so far" } else { "" };
                    bar.say(&format!("epoch {}: {score:.4}{best}", epoch + 1));
                    failed = failed.take().or(log.write().err());
                }
            }
        })?;
        bar.finish();
        eprintln!("{speed:.0} tokens a second");
        match failed {
            Some(error) => Err(error).context("cannot write training.csv"),
            None => Ok(speed),
        }
    }
}

/// Removes the saved state of a finished run.
pub fn end(folder: &Path) -> Result<()> {
    let state = state_file(folder);
    if state.exists() {
        fs::remove_file(&state).with_context(|| format!("cannot remove {}", state.display()))?;
    }
    Ok(())
}

fn state_file(folder: &Path) -> PathBuf {
    folder.join("state.safetensors")
}
