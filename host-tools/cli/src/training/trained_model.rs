//! The output folder of a training run, and its report.

use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use embert::Model;
use embert_tools::blob::AlignedBytes;
use embert_tools::checkpoint::Checkpoint;
use embert_tools::quantize::{Options, Part, quantize};
use embert_train::evaluate::QuestionScore;
use embert_train::evaluate::engine;
use embert_train::evaluate::predict::{Report, predict, report};
use embert_train::example::Example;
use embert_train::finetune;
use embert_train::model::classifier::Classifier;
use embert_train::model::fake_quant::FakeQuant;
use embert_train::task::Task;
use serde::Serialize;

use super::{Examples, end};
use crate::output;
use crate::quantize::PartArgument;

/// Storage of the weights in the blob.
#[derive(Args)]
pub struct Storage {
    /// Parts stored in 4 bits instead of 8
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    int4: Vec<PartArgument>,
    /// Quantization-aware training: round weights in the forward pass as the blob will
    #[arg(long)]
    qat: bool,
}

impl Storage {
    fn int4(&self) -> Vec<Part> {
        self.int4.iter().map(|&part| part.into()).collect()
    }

    /// Options of the blob; `about` is its origin and licence notice.
    pub fn options(&self, about: String) -> Options {
        Options {
            about,
            int4: self.int4(),
            ..Options::default()
        }
    }

    /// Fake quantization during training, if asked for.
    pub fn rounding(&self) -> Option<FakeQuant> {
        self.qat.then(|| FakeQuant { int4: self.int4() })
    }
}

/// The contents of report.json.
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

/// A trained model with what its report needs.
pub struct TrainedModel<'a> {
    pub model: &'a Classifier,
    pub task: &'a Task,
    /// The checkpoint that the model began with.
    pub base: &'a Checkpoint,
    /// The teacher's scores on the dev and test data.
    pub teacher: Option<[Option<Report>; 2]>,
    pub options: Options,
}

impl TrainedModel<'_> {
    /// Writes the Hugging Face folder, the blob and the report, and ends the run.
    pub fn finish(self, examples: &Examples, folder: &Path, json: bool) -> Result<()> {
        let TrainedModel {
            model, task, base, ..
        } = self;
        let checkpoint = finetune::checkpoint(model, task, base);
        checkpoint.save(folder)?;
        let options = Options {
            calibration: calibration(&examples.train),
            ..self.options
        };
        // Models made of this folder later must carry the same notice.
        output::write(&folder.join("NOTICE"), options.about.as_bytes())?;
        let blob = quantize(&checkpoint, &options, |_| {})?;
        output::write_blob(&folder.join("model.embert"), &blob, None)?;
        let aligned = AlignedBytes::copy(&blob);
        let engine = Model::parse(&aligned).context("parsing the blob that was just written")?;
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

/// About 200 calibration texts, evenly spaced over the training data.
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
