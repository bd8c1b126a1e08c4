//! What the verbs that train have in common: where data comes from, how long to train, and what is
//! written in the end.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use embert::Model;
use embert_tools::blob::AlignedBytes;
use embert_tools::checkpoint::Checkpoint;
use embert_tools::quantize::{Options, quantize};
use embert_tools::windows::STRIDE;
use embert_train::augment::exchanged;
use embert_train::classifier::{Classifier, Knowledge, Objective};
use embert_train::data::{self, Column};
use embert_train::example::Example;
use embert_train::finetune::{self, Rows, Source};
use embert_train::labelled::{self, Labelled};
use embert_train::log::Log;
use embert_train::metrics::QuestionScore;
use embert_train::predict::{Report, Task, predict, report};
use embert_train::rounding::Rounding;
use embert_train::trainer::{Lesson, Progress, Settings, train};
use embert_train::{engine, optimizer, state};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::output;
use crate::quantize::PartArgument;

/// Labelled data.
#[derive(Args)]
pub struct Data {
    /// What to learn from
    #[arg(long, value_name = "FILE")]
    pub train: PathBuf,
    /// What to choose the best epoch by
    #[arg(long, value_name = "FILE")]
    pub dev: PathBuf,
    /// What to report on besides
    #[arg(long, value_name = "FILE")]
    pub test: Option<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
    /// Learn from so many sentences more, in which entities of a type take each other's place
    #[arg(
        long,
        default_value_t = 0,
        value_name = "SENTENCES",
        requires = "words"
    )]
    exchange: usize,
    /// Longer texts are cut off, longer contexts of questions read in windows
    #[arg(long, default_value_t = 128)]
    pub max_tokens: usize,
}

impl Data {
    /// What to learn from; what is exchanged follows from the seed.
    pub fn training(&self, source: &Source, seed: u64) -> Result<Rows> {
        let mut rows = source.read(&self.train)?;
        if let Rows::Words(rows) = &mut rows {
            rows.extend(exchanged(rows, self.exchange, seed));
        }
        Ok(rows)
    }
}

/// How labelled data is read.
#[derive(Args)]
pub struct Columns {
    /// Words have tags, texts perhaps an intent
    #[arg(long)]
    words: bool,
    /// A text can have any number of labels, with commas between them
    #[arg(long, conflicts_with = "words")]
    several: bool,
    /// Questions about contexts, in SQuAD's JSON
    #[arg(long, conflicts_with_all = ["words", "several"])]
    pub questions: bool,
    /// Tokens from one window of a long context to the next, half a window at most
    #[arg(long, default_value_t = STRIDE, value_name = "TOKENS")]
    stride: usize,
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
}

impl Columns {
    /// How the files are read.
    pub fn source(&self) -> Source {
        Source {
            words: self.words,
            questions: self.questions.then_some(self.stride),
            columns: data::Columns {
                text: self.text_column.as_deref().map(Column::from),
                pair: self.pair_column.as_deref().map(Column::from),
                label: self.label_column.as_deref().map(Column::from),
                separator: self.several.then_some(','),
            },
            ignored: self.ignore.clone(),
            several: self.several,
        }
    }
}

/// How long to train, and how fast.
#[derive(Args)]
pub struct Schedule {
    #[arg(long, default_value_t = 3)]
    pub epochs: usize,
    /// Texts of a step
    #[arg(long, default_value_t = 32)]
    pub batch: usize,
    /// Do a batch in so many parts, for want of memory
    #[arg(long, default_value_t = 1)]
    pub parts: usize,
    #[arg(long, default_value_t = 5e-5)]
    learning_rate: f32,
    /// Share of the steps in which the learning rate rises
    #[arg(long, default_value_t = 0.1)]
    warmup: f32,
    #[arg(long, default_value_t = 0.1)]
    dropout: f32,
    /// Stop when so many epochs in a row were no better
    #[arg(long, default_value_t = 3)]
    patience: usize,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Steps between checkpoints
    #[arg(long, default_value_t = 500, value_name = "STEPS")]
    save_every: u64,
    /// Go on where an interrupted run was saved, to the same result
    #[arg(long)]
    resume: bool,
}

/// How the blob stores what is learnt.
#[derive(Args)]
pub struct Storage {
    /// What the blob stores in 4 bits instead of 8
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    int4: Vec<PartArgument>,
    /// Train with the rounding of the blob (quantization-aware training)
    #[arg(long)]
    qat: bool,
}

impl Storage {
    /// The blob's, for a model from `source`.
    pub fn options(&self, about: String) -> Options {
        Options {
            about,
            int4: self.int4.iter().map(|&part| part.into()).collect(),
            ..Options::default()
        }
    }

    /// What the model is to be trained with.
    pub fn rounding(&self) -> Option<Rounding> {
        let int4 = self.options(String::new()).int4;
        self.qat.then_some(Rounding { int4 })
    }
}

/// Examples of all splits.
pub struct Examples {
    pub train: Vec<Example>,
    pub dev: Vec<Example>,
    pub test: Option<Vec<Example>>,
}

impl Schedule {
    /// Makes the folder of a run, unless it holds an unfinished one that nobody asks to resume.
    pub fn begin(&self, folder: &Path) -> Result<()> {
        let state = state_file(folder);
        if state.exists() && !self.resume {
            bail!(
                "{} holds an unfinished run: go on with it by --resume, or remove {}",
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
        teacher: Option<&[Knowledge]>,
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
            parts: self.parts,
            seed: self.seed,
        };
        self.run(&mut Labelled::new(model, data), folder)?;
        Ok(())
    }

    /// Trains with a progress bar; the course of the run is written to the folder. Returns tokens a
    /// second.
    pub fn run(&self, lesson: &mut impl Lesson, folder: &Path) -> Result<f64> {
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
        let bar = ProgressBar::new(0);
        let style = "{msg} {bar:30} {pos}/{len}  {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
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
                    bar.set_length(steps);
                    bar.set_position(step);
                    bar.set_message(format!("loss {loss:.4}  {speed:.0} tokens/s"));
                }
                Progress::Epoch { epoch, score, best } => {
                    let best = if best { ", the best so far" } else { "" };
                    bar.suspend(|| eprintln!("epoch {}: {score:.4}{best}", epoch + 1));
                    failed = failed.take().or(log.write().err());
                }
            }
        })?;
        bar.finish_and_clear();
        eprintln!("{speed:.0} tokens a second");
        match failed {
            Some(error) => Err(error).context("cannot write training.csv"),
            None => Ok(speed),
        }
    }
}

/// Ends a run whose result is whole: there is nothing to go on with.
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

/// What the folder's report.json says.
#[derive(Serialize)]
struct Reports {
    /// On the development set.
    dev: Scores,
    test: Option<Scores>,
    /// Of the blob.
    bytes: usize,
}

#[derive(Serialize)]
struct Scores {
    /// Of the teacher, if there was one, a float model.
    #[serde(skip_serializing_if = "Option::is_none")]
    teacher: Option<Report>,
    float: Report,
    /// Of the blob, by the integer engine.
    blob: Report,
}

/// What has been learnt, and of whom.
pub struct Learnt<'a> {
    pub model: &'a Classifier,
    pub task: &'a Task,
    /// The checkpoint that the model began with.
    pub base: &'a Checkpoint,
    /// What the teacher makes of the development and the test set.
    pub teacher: Option<[Option<Report>; 2]>,
    pub options: Options,
}

impl Learnt<'_> {
    /// Writes the Hugging Face folder, the blob and the report, and ends the run.
    pub fn finish(self, examples: &Examples, folder: &Path, json: bool) -> Result<()> {
        let Learnt {
            model, task, base, ..
        } = self;
        let checkpoint = finetune::checkpoint(model, task, base);
        checkpoint.save(folder)?;
        let options = Options {
            calibration: calibration(&examples.train),
            ..self.options
        };
        let blob = quantize(&checkpoint, &options, |_| {})?;
        output::write_blob(&folder.join("model.embert"), &blob, None)?;
        let aligned = AlignedBytes::copy(&blob);
        let engine = Model::parse(&aligned).context("the blob just made")?;
        let [dev, test] = self.teacher.unwrap_or_default();
        let scores = |examples: &[Example], teacher| -> Result<Scores> {
            Ok(Scores {
                teacher,
                float: report(task, examples, &predict(model, task, examples)),
                blob: report(task, examples, &engine::predict(&engine, task, examples)?),
            })
        };
        let reports = Reports {
            dev: scores(&examples.dev, dev)?,
            test: match &examples.test {
                Some(examples) => Some(scores(examples, test)?),
                None => None,
            },
            bytes: blob.len(),
        };
        let text = serde_json::to_vec_pretty(&reports)?;
        output::write(&folder.join("report.json"), &text)?;
        end(folder)?;
        let mut out = io::stdout().lock();
        if json {
            out.write_all(&text)?;
            return Ok(writeln!(out)?);
        }
        for (name, scores) in [("dev", Some(&reports.dev)), ("test", reports.test.as_ref())] {
            let Some(scores) = scores else { continue };
            if let Some(teacher) = &scores.teacher {
                writeln!(out, "{name:>5}  teacher  {}", in_words(teacher))?;
            }
            writeln!(out, "{name:>5}  float    {}", in_words(&scores.float))?;
            writeln!(out, "{name:>5}  blob     {}", in_words(&scores.blob))?;
        }
        Ok(())
    }
}

/// Texts of the training set to calibrate with: some hundred from all over it.
fn calibration(training: &[Example]) -> Vec<String> {
    let texts = training.iter().step_by(training.len().div_ceil(200).max(1));
    texts.map(|example| example.text.clone()).collect()
}

pub fn in_words(report: &Report) -> String {
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
        Report::Questions(report) => {
            let score =
                |of: &QuestionScore| format!("exact match {:.4}, F1 {:.4}", of.exact_match, of.f1);
            match report.impossible.questions {
                0 => score(&report.all),
                _ => format!(
                    "{}; with an answer {}, without {:.4}",
                    score(&report.all),
                    score(&report.answerable),
                    report.impossible.f1
                ),
            }
        }
    }
}
