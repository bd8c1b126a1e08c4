//! `embert label`.

use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use embert::heads::WordPosition;
use embert_tools::checkpoint::Checkpoint;
use embert_tools::tokenizer::{Reader, StoredTokenizer};
use embert_train::evaluate::predict::predict;
use embert_train::finetune::{self, Rows, examples};
use embert_train::task::{Prediction, Task};

use crate::{output, progress::Bar, texts};

const EXAMPLES: &str = "\
Examples:
  embert label ./names --file letters.txt -o letters.conll
  embert label ./sentiment --file comments.txt -o comments.tsv";

/// Label texts with a model and write them as training data.
///
/// A token classifier gives one word and its tag a line, and an empty line between sentences; words
/// are split as by the tokenizer, punctuation apart. A text classifier gives a label and a text a line.
/// `embert finetune` and `embert distill` read both.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Label {
    /// Checkpoint folder, written by `embert finetune` or Hugging Face
    model: PathBuf,
    /// Files of texts, one a line
    #[arg(long, short, required = true, value_name = "FILE", num_args = 1..)]
    file: Vec<PathBuf>,
    /// Output file
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Longest text in tokens; longer texts are truncated
    #[arg(long, default_value_t = 128)]
    max_tokens: usize,
}

impl Label {
    pub fn run(self) -> Result<()> {
        output::spare(&self.output, self.file.iter().chain([&self.model]))?;
        let checkpoint = Checkpoint::open(&self.model, None)?;
        let folder = self.model.display();
        let (model, labels) = finetune::teacher(&checkpoint)
            .with_context(|| format!("{folder} has no classifier: fine-tune it first"))?;
        let task = labels.task();
        if task.questions || (!task.tags.is_empty() && !task.classes.is_empty()) {
            bail!(
                "{folder} answers questions or has intents with slots: only labels of texts or of words can be written"
            );
        }
        let limit = self.max_tokens.min(checkpoint.model.positions());
        let texts = texts::lines_of_all(&self.file)?;
        let rows = match task.tags.is_empty() {
            true => Rows::Texts(Vec::new()).with(&texts),
            false => Rows::Words(Vec::new()).with(&in_words(&checkpoint, &texts, limit)?),
        };
        let read = examples(&checkpoint, &labels, rows.clone(), limit)?;
        let bar = Bar::new(read.len(), "labelling");
        let mut predictions = Vec::new();
        for some in read.chunks(512) {
            predictions.extend(predict(&model, &task, some));
            bar.add(some.len());
        }
        bar.finish();
        let out = written(&rows, &task, &predictions);
        let output = self.output.display();
        output::write(&self.output, out.as_bytes())?;
        eprintln!("wrote {output}, {} texts", predictions.len());
        Ok(())
    }
}

/// What readers of labelled data read.
fn written(rows: &Rows, task: &Task, predictions: &[Prediction]) -> String {
    let mut out = String::new();
    match rows {
        Rows::Texts(rows) => {
            out += "label\ttext\n";
            for (row, prediction) in rows.iter().zip(predictions) {
                let names = prediction.classes.iter().map(|&c| task.classes[c].as_str());
                let names: Vec<&str> = names.collect();
                out += &format!("{}\t{}\n", names.join(","), row.text.replace('\t', " "));
            }
        }
        Rows::Words(rows) => {
            for (row, prediction) in rows.iter().zip(predictions) {
                for (word, &tag) in row.words.iter().zip(&prediction.tags) {
                    out += &format!("{word}\t{}\n", task.tags[tag]);
                }
                out.push('\n');
            }
        }
        Rows::Questions { .. } => {}
    }
    out
}

/// Texts whose words, as the tokenizer parts them, have spaces between them; what has none is left
/// out.
fn in_words(checkpoint: &Checkpoint, texts: &[String], limit: usize) -> Result<Vec<String>> {
    let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer)?;
    let reader = tokenizer.reader()?;
    let words = texts.iter().map(|text| words(&reader, text, limit));
    let mut sentences = words.collect::<Result<Vec<Vec<&str>>>>()?;
    sentences.retain(|words| !words.is_empty());
    Ok(sentences.iter().map(|words| words.join(" ")).collect())
}

/// The words of a text, as the tokenizer parts them; those after `limit` tokens are left out.
fn words<'t>(reader: &Reader<'_>, text: &'t str, limit: usize) -> Result<Vec<&'t str>> {
    let tokens = reader.tokens(text, limit)?;
    let mut words: Vec<Range<usize>> = Vec::new();
    for token in &tokens {
        let (start, end) = (token.start as usize, token.end as usize);
        match (reader.place(token), words.last_mut()) {
            (WordPosition::First, _) => words.push(start..end),
            (WordPosition::Later, Some(last)) => last.end = end,
            _ => {}
        }
    }
    Ok(words.into_iter().map(|word| &text[word]).collect())
}
