//! `embert finetune`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use embert::Model;
use embert_tools::blob::AlignedBytes;
use embert_tools::checkpoint::{Checkpoint, HeadChoice, Pooling};
use embert_tools::quantize::{Options, quantize};
use embert_train::classifier::Objective;
use embert_train::data::{Column, Columns};
use embert_train::example::Example;
use embert_train::finetune::{self, Source, TaskLabels, examples};
use embert_train::log::Log;
use embert_train::model::Rates;
use embert_train::predict::{Report, Task, predict, report};
use embert_train::trainer::{Progress, Settings, train};
use embert_train::{engine, optimizer};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::{output, quantize as blobs};

const EXAMPLES: &str = "\
Examples:
  embert finetune ./all-MiniLM-L6-v2 --train sst2/train.tsv --dev sst2/dev.tsv -o sst2
  embert finetune ./all-MiniLM-L6-v2 --words --train btc.train --dev btc.dev --test btc.test -o names
  embert finetune ./checkpoint --train mails.csv --dev dev.csv --text-column body --several -o mails
  embert finetune ./checkpoint --train mails.csv --dev dev.csv -o mails --resume";

/// Train a checkpoint on labelled texts or words: a Hugging Face folder, and a blob of it.
///
/// Texts come as TSV, CSV or JSON lines; words with tags as CoNLL columns or as a folder with
/// seq.in, seq.out and label. The folder gets config.json, model.safetensors, vocab.txt,
/// model.embert, report.json, and training.csv with its picture. The scores of the blob are those of
/// the integer engine.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Finetune {
    /// The checkpoint folder to begin with
    checkpoint: PathBuf,
    /// What to learn from
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// What to choose the best epoch by
    #[arg(long, value_name = "FILE")]
    dev: PathBuf,
    /// What to report on besides
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// The folder to write
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Words have tags, texts perhaps an intent
    #[arg(long)]
    words: bool,
    /// A text can have any number of labels, with commas between them
    #[arg(long, conflicts_with = "words")]
    several: bool,
    /// The column of texts, by name or by number from 1
    #[arg(long, value_name = "COLUMN")]
    text_column: Option<String>,
    /// The column of the second text of pairs
    #[arg(long, value_name = "COLUMN")]
    pair_column: Option<String>,
    /// The column of labels
    #[arg(long, value_name = "COLUMN")]
    label_column: Option<String>,
    /// Types of entities that count as none
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    ignore: Vec<String>,
    #[arg(long, default_value_t = 3)]
    epochs: usize,
    /// Texts of a step
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Do a batch in so many parts, for want of memory
    #[arg(long, default_value_t = 1)]
    parts: usize,
    #[arg(long, default_value_t = 5e-5)]
    learning_rate: f32,
    /// Share of the steps in which the learning rate rises
    #[arg(long, default_value_t = 0.1)]
    warmup: f32,
    #[arg(long, default_value_t = 0.1)]
    dropout: f32,
    /// Longer texts are cut off
    #[arg(long, default_value_t = 128)]
    max_tokens: usize,
    /// Stop when so many epochs in a row were no better
    #[arg(long, default_value_t = 3)]
    patience: usize,
    /// Let rare labels count as much as frequent ones
    #[arg(long)]
    balanced: bool,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Steps between checkpoints
    #[arg(long, default_value_t = 500, value_name = "STEPS")]
    save_every: u64,
    /// Go on where an interrupted run was saved, to the same result
    #[arg(long)]
    resume: bool,
    /// The report as JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// What the folder's report.json says.
#[derive(Serialize)]
struct Reports {
    /// The float model and the blob on the development set.
    dev: Pair,
    test: Option<Pair>,
    /// Of the blob.
    bytes: usize,
}

#[derive(Serialize)]
struct Pair {
    float: Report,
    blob: Report,
}

impl Finetune {
    pub fn run(self) -> Result<()> {
        let state = self.output.join("state.safetensors");
        if state.exists() && !self.resume {
            bail!(
                "{} holds an unfinished run: go on with it by --resume, or remove {}",
                self.output.display(),
                state.display()
            );
        }
        // Whatever head it has, another takes its place.
        let head = HeadChoice::Embedding(Pooling::Mean);
        let base = Checkpoint::open(&self.checkpoint, Some(head))?;
        let source = Source {
            words: self.words,
            columns: Columns {
                text: self.text_column.as_deref().map(Column::from),
                pair: self.pair_column.as_deref().map(Column::from),
                label: self.label_column.as_deref().map(Column::from),
                separator: self.several.then_some(','),
            },
            ignored: self.ignore.clone(),
            several: self.several,
        };
        let rows = source.read(&self.train)?;
        let labels = TaskLabels::of(&rows, &source);
        let task = labels.task();
        let read = |path: &Path| -> Result<Vec<Example>> {
            let rows = source.read(path)?;
            Ok(examples(&base, &labels, rows, self.max_tokens)?)
        };
        let training = examples(&base, &labels, rows, self.max_tokens)?;
        let dev = read(&self.dev)?;
        let test = self.test.as_deref().map(read).transpose()?;

        fs::create_dir_all(&self.output)
            .with_context(|| format!("cannot make {}", self.output.display()))?;
        let mut model = finetune::model(&base, &task, self.seed);
        self.train(&mut model, &task, &training, &dev, &state)?;

        let checkpoint = finetune::checkpoint(&model, &task, &base);
        checkpoint.save(&self.output)?;
        let options = Options {
            calibration: calibration(&training),
            about: blobs::about(&base, &self.checkpoint, None)?,
            ..Options::default()
        };
        let blob = quantize(&checkpoint, &options, |_| {})?;
        output::write_blob(&self.output.join("model.embert"), &blob, None)?;
        let aligned = AlignedBytes::copy(&blob);
        let engine = Model::parse(&aligned).context("the blob just made")?;
        let pair = |examples: &[Example]| -> Result<Pair> {
            Ok(Pair {
                float: report(&task, examples, &predict(&model, &task, examples)),
                blob: report(&task, examples, &engine::predict(&engine, &task, examples)?),
            })
        };
        let reports = Reports {
            dev: pair(&dev)?,
            test: test.as_deref().map(pair).transpose()?,
            bytes: blob.len(),
        };
        let json = serde_json::to_vec_pretty(&reports)?;
        output::write(&self.output.join("report.json"), &json)?;
        // Whole at last: there is nothing to go on with.
        if state.exists() {
            fs::remove_file(&state)
                .with_context(|| format!("cannot remove {}", state.display()))?;
        }
        let mut out = io::stdout().lock();
        if self.json {
            out.write_all(&json)?;
            writeln!(out)?;
        } else {
            for (name, pair) in [("dev", Some(&reports.dev)), ("test", reports.test.as_ref())] {
                if let Some(pair) = pair {
                    writeln!(out, "{name:>5}  float {}", in_words(&pair.float))?;
                    writeln!(out, "       blob  {}", in_words(&pair.blob))?;
                }
            }
        }
        Ok(())
    }

    fn train(
        &self,
        model: &mut embert_train::classifier::Classifier,
        task: &Task,
        training: &[Example],
        dev: &[Example],
        state: &Path,
    ) -> Result<()> {
        let settings = Settings {
            epochs: self.epochs,
            batch: self.batch,
            parts: self.parts,
            learning_rate: self.learning_rate,
            warmup: self.warmup,
            dropout: self.dropout,
            patience: self.patience,
            seed: self.seed,
            optimizer: optimizer::Settings::default(),
            objective: Objective {
                hard: 1.0,
                soft: 0.0,
                temperature: 1.0,
                class_weights: self
                    .balanced
                    .then(|| finetune::balance(task.classes.len(), training)),
                rates: Rates::NONE,
            },
            checkpoint: Some((state.to_owned(), self.save_every)),
        };
        let steps = embert_train::state::steps(state)?;
        let mut log = Log::open(&self.output.join("training.csv"), steps)?;
        let bar = ProgressBar::new(0);
        let style = "{msg} {bar:30} {pos}/{len}  {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        let score = |model: &_| report(task, dev, &predict(model, task, dev)).score();
        let mut failed = None;
        train(model, training, None, &settings, score, |progress| {
            log.add(&progress);
            match progress {
                Progress::Step {
                    step,
                    steps,
                    loss,
                    tokens_per_second,
                    ..
                } => {
                    bar.set_length(steps);
                    bar.set_position(step);
                    bar.set_message(format!("loss {loss:.4}  {tokens_per_second:.0} tokens/s"));
                }
                Progress::Epoch { epoch, score, best } => {
                    let best = if best { ", the best so far" } else { "" };
                    bar.suspend(|| eprintln!("epoch {}: {score:.4}{best}", epoch + 1));
                    failed = failed.take().or(log.write().err());
                }
            }
        })?;
        bar.finish_and_clear();
        match failed {
            Some(error) => Err(error).context("cannot write training.csv"),
            None => Ok(()),
        }
    }
}

/// Texts of the training set to calibrate with: some hundred from all over it.
fn calibration(training: &[Example]) -> Vec<String> {
    let texts = training.iter().step_by(training.len().div_ceil(200).max(1));
    texts.map(|example| example.text.clone()).collect()
}

fn in_words(report: &Report) -> String {
    match report {
        Report::Classes(report) => format!(
            "accuracy {:.4}, macro F1 {:.4}, micro F1 {:.4}",
            report.accuracy, report.macro_average.f1, report.micro.f1
        ),
        Report::Entities { conlleval, strict } => format!(
            "entity F1 {:.4} (conlleval), {:.4} (strict)",
            conlleval.micro.f1, strict.micro.f1
        ),
        Report::Joint(report) => format!(
            "intents {:.4}, slot F1 {:.4}, whole sentences {:.4}",
            report.intent_accuracy, report.slots.micro.f1, report.sentence_accuracy
        ),
    }
}
