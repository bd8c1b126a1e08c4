//! `embert evaluate`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use embert::HeadKind;
use embert_tools::checkpoint::Checkpoint;
use embert_tools::tokenizer::Reader;
use embert_train::data::Labels;
use embert_train::evaluate::Confusion;
use embert_train::evaluate::engine;
use embert_train::evaluate::predict::{Report, predict, report, single_labels};
use embert_train::example::Example;
use embert_train::finetune::{self, Rows, TaskLabels, examples};
use embert_train::task::{Prediction, Task};
use serde::Serialize;

use crate::blob::Blob;
use crate::output;
use crate::training::{Columns, in_words};

const EXAMPLES: &str = "\
Examples:
  embert evaluate sst2 --data sst2/test.tsv
  embert evaluate model.embert --data test.tsv --picture confusion.svg
  embert evaluate names other.embert --words --data btc.test --json
  embert evaluate answers answers/model.embert --questions --data dev-v1.1.json --max-tokens 384";

/// Score checkpoint folders and blobs on labelled data, side by side.
///
/// Folders run in 32-bit floats, blobs in the integer engine, as on a microcontroller. Entities are
/// scored as by seqeval, in both of its modes; intents and slots as published for SNIPS; answers as
/// by SQuAD's script.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Evaluate {
    /// Checkpoint folders and blobs
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// Labelled data
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    #[command(flatten)]
    columns: Columns,
    /// Longest text in tokens. Longer texts are truncated; contexts of questions, and texts for blobs
    /// that label tokens, are read in windows. Default: the model's positions
    #[arg(long)]
    max_tokens: Option<usize>,
    /// File for the last model's confusion matrix, as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Print all scores, per label too, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Scored {
    model: PathBuf,
    /// Whether the scores are of the float model, not of the integer engine.
    float: bool,
    report: Report,
}

impl Evaluate {
    pub fn run(self) -> Result<()> {
        if let Some(picture) = &self.picture {
            output::spare(picture, self.models.iter().chain([&self.data]))?;
        }
        let rows = self.columns.source().read(&self.data)?;
        let mut scored = Vec::new();
        let mut last = None;
        for path in &self.models {
            let (task, examples, predictions) = match path.is_dir() {
                true => self.folder(path, &rows)?,
                false => self.blob(path, &rows)?,
            };
            scored.push(Scored {
                model: path.clone(),
                float: path.is_dir(),
                report: report(&task, &examples, &predictions),
            });
            last = Some((task, examples, predictions));
        }
        if let (Some(picture), Some((task, examples, predictions))) = (&self.picture, last) {
            let labels = single_labels(&task, &examples, &predictions);
            let (truth, predicted) =
                labels.context("a picture shows one label a text; this data has others")?;
            let confusion = Confusion::new(&task.classes, &truth, &predicted);
            let title = format!("{}", self.data.display());
            output::write(picture, confusion.svg(&title).as_bytes())?;
        }
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &scored).map_err(io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        for scored in scored {
            let kind = if scored.float { "float" } else { "blob" };
            let (model, words) = (scored.model.display(), in_words(&scored.report));
            writeln!(out, "{model} ({kind}): {words}")?;
        }
        Ok(())
    }

    fn limit(&self) -> usize {
        self.max_tokens.unwrap_or(usize::MAX)
    }

    fn folder(&self, path: &Path, rows: &Rows) -> Result<(Task, Vec<Example>, Vec<Prediction>)> {
        let checkpoint = Checkpoint::open(path, None)?;
        let teacher = finetune::teacher(&checkpoint);
        let (model, labels) = teacher.with_context(|| {
            format!(
                "{} has no classifier: there is nothing to score",
                path.display()
            )
        })?;
        let task = labels.task();
        let examples = examples(&checkpoint, &labels, rows.clone(), self.limit())?;
        let predictions = predict(&model, &task, &examples);
        Ok((task, examples, predictions))
    }

    fn blob(&self, path: &Path, rows: &Rows) -> Result<(Task, Vec<Example>, Vec<Prediction>)> {
        let blob = Blob::open(Some(path))?;
        let model = blob.verified()?;
        let names = |labels: embert::blob::Labels<'_>| -> Labels {
            Labels::in_order(labels.iter().map(str::to_owned).collect())
        };
        let words = model.token_labels();
        let classes = match model.shape().text_outputs() {
            0 => Labels::default(),
            _ => names(model.labels()),
        };
        let labels = TaskLabels {
            classes,
            tags: names(words),
            iob2: model.shape().iob2,
            multi_label: model.header().flag(embert::blob::flags::MULTI_LABEL),
            questions: model.shape().head == HeadKind::Spans,
        };
        ensure!(
            labels.questions || !labels.classes.is_empty() || !labels.tags.is_empty(),
            "{} has no labels: there is nothing to score",
            path.display()
        );
        let task = labels.task();
        let limit = self.limit().min(model.shape().positions);
        let reader = Reader::of(*model.tokenizer());
        let examples = labels.examples(rows.clone(), &reader, limit)?;
        let predictions = engine::predict(&model, &task, &examples)?;
        Ok((task, examples, predictions))
    }
}
