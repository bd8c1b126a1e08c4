//! `embert finetune`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use embert_tools::checkpoint::{Checkpoint, HeadChoice, Pooling};
use embert_tools::transform::cased::add_cased_vocab;
use embert_train::example::Example;
use embert_train::finetune::{self, TaskLabels, examples};
use embert_train::loss::objective::Objective;

use crate::output;
use crate::quantize::about;
use crate::training::{Data, Examples, Schedule, Storage, TrainedModel};

const EXAMPLES: &str = "\
Examples:
  embert finetune ./all-MiniLM-L6-v2 --train sst2/train.tsv --dev sst2/dev.tsv -o sst2
  embert finetune ./all-MiniLM-L6-v2 --words --train btc.train --dev btc.dev --test btc.test -o names
  embert finetune ./checkpoint --train mails.csv --dev dev.csv --text-column body --multi-label -o mails
  embert finetune ./checkpoint --questions --train train-v1.1.json --dev dev-v1.1.json \\
      --max-tokens 384 -o answers
  embert finetune ./checkpoint --train mails.csv --dev dev.csv -o mails --resume";

/// Fine-tune a checkpoint on labelled texts, tagged words or questions.
///
/// Texts are read from TSV, CSV or JSON lines; tagged words from CoNLL columns or a folder with
/// seq.in, seq.out and label; questions from SQuAD's JSON. The output folder is a Hugging Face
/// checkpoint with model.embert, report.json, training.csv with its picture, and NOTICE (origin and
/// licences). The blob's scores are computed by the integer engine.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Finetune {
    /// Checkpoint folder to start from
    checkpoint: PathBuf,
    /// Output folder
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    schedule: Schedule,
    #[command(flatten)]
    storage: Storage,
    /// Add cased word pieces to an uncased checkpoint. Use it when labels are names
    #[arg(long)]
    cased: bool,
    /// Weigh labels by inverse frequency in the loss. Use it when labels are lopsided
    #[arg(long)]
    balanced: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

impl Finetune {
    pub fn run(self) -> Result<()> {
        output::spare(&self.output, [&self.checkpoint])?;
        // Whatever head it has, another takes its place.
        let head = HeadChoice::Embedding(Pooling::Mean);
        let mut base = Checkpoint::open(&self.checkpoint, Some(head))?;
        if self.cased {
            add_cased_vocab(&mut base).context("--cased")?;
        }
        let (data, source) = (&self.data, self.data.columns.source());
        let (rows, _) = data.training(&source, self.schedule.seed, &[])?;
        let labels = TaskLabels::of(&rows, &source);
        let task = labels.task();
        let read = |path: &Path| -> Result<Vec<Example>> {
            let rows = source.read(path)?;
            Ok(examples(&base, &labels, rows, data.max_tokens)?)
        };
        let examples = Examples {
            train: examples(&base, &labels, rows, data.max_tokens)?,
            dev: read(&data.dev)?,
            test: data.test.as_deref().map(read).transpose()?,
        };
        self.schedule.begin(&self.output)?;
        let mut model = finetune::model(&base, &task, self.schedule.seed);
        model.fake_quant = self.storage.rounding();
        let balance = || finetune::balance(task.classes.len(), &examples.train);
        let objective = Objective {
            multi_label: task.multi_label,
            class_weights: self.balanced.then(balance),
            token_dropout: self.schedule.token_dropout,
            unknown: base.tokenizer.unk,
            ..Objective::default()
        };
        let schedule = &self.schedule;
        schedule.train(&mut model, &task, &examples, None, objective, &self.output)?;
        model.fake_quant = None;
        let trained = TrainedModel {
            model: &model,
            task: &task,
            base: &base,
            teacher: None,
            options: self.storage.options(about(&base, &self.checkpoint, None)?),
        };
        trained.finish(&examples, &self.output, self.json)
    }
}
