//! Options that name the data.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use embert_tools::question_windows::STRIDE;
use embert_train::augment::replace_mentions;
use embert_train::data::{self, Column, HeldOut};
use embert_train::example::Example;
use embert_train::finetune::{Rows, Source};

use crate::texts;

/// Labelled data.
#[derive(Args)]
pub struct Data {
    /// Training data
    #[arg(long, value_name = "FILE")]
    pub train: PathBuf,
    /// Development data: the epoch with the best score on it is kept
    #[arg(long, value_name = "FILE")]
    pub dev: PathBuf,
    /// Test data: scored once, at the end
    #[arg(long, value_name = "FILE")]
    pub test: Option<PathBuf>,
    #[command(flatten)]
    pub columns: Columns,
    /// Number of augmented sentences: entity mentions replaced by others of the same type. With few
    /// labelled sentences use 50000 or more
    #[arg(
        long,
        alias = "exchange",
        default_value_t = 0,
        value_name = "SENTENCES",
        requires = "words"
    )]
    mention_replacement: usize,
    /// Files of texts, one a line: their capitalized words also serve as replacement mentions
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "mention_replacement")]
    names_from: Vec<PathBuf>,
    /// Files of evaluation texts, one a line: training texts that overlap one of them (contain it, or
    /// share 30 consecutive letters and digits) are left out
    #[arg(long, value_name = "FILE", num_args = 1..)]
    without: Vec<PathBuf>,
    /// Longest text in tokens, [CLS] and [SEP] included. Longer texts are truncated; longer contexts
    /// of questions are read in windows
    #[arg(long, default_value_t = 128)]
    pub max_tokens: usize,
}

impl Data {
    /// Reads the training rows, augments them with `seed`, and reads the unlabelled texts.
    pub fn training(
        &self,
        source: &Source,
        seed: u64,
        unlabelled: &[PathBuf],
    ) -> Result<(Rows, Vec<String>)> {
        let mut rows = source.read(&self.train)?;
        let all = rows.count();
        let held_out = HeldOut::new(&texts::lines_of_all(&self.without)?);
        rows.leave_out(&held_out);
        match all - rows.count() {
            0 => {}
            out if out == all => bail!("all of {} overlaps --without", self.train.display()),
            out => eprintln!("{out} of {all} overlap --without and are left out"),
        }
        if let Rows::Words(rows) = &mut rows {
            let texts = texts::lines_of_all(&self.names_from)?;
            rows.extend(replace_mentions(
                rows,
                &texts,
                self.mention_replacement,
                seed,
            ));
        }
        let mut unlabelled = texts::lines_of_all(unlabelled)?;
        unlabelled.retain(|text| !held_out.has(text));
        Ok((rows, unlabelled))
    }
}

/// How labelled data is read.
#[derive(Args)]
pub struct Columns {
    /// The data has a tag for each word, and perhaps an intent for each text
    #[arg(long)]
    words: bool,
    /// A text can have any number of labels, separated by commas
    #[arg(long, alias = "several", conflicts_with = "words")]
    multi_label: bool,
    /// The data has questions about contexts, as SQuAD's JSON
    #[arg(long, conflicts_with_all = ["words", "multi_label"])]
    pub questions: bool,
    /// Distance in tokens between the starts of two windows of a long context, half a window at most
    #[arg(long, default_value_t = STRIDE, value_name = "TOKENS")]
    stride: usize,
    /// Column of the texts: a name, or a number counted from 1
    #[arg(long, value_name = "COLUMN")]
    text_column: Option<String>,
    /// Column of the second text of a pair
    #[arg(long, value_name = "COLUMN")]
    pair_column: Option<String>,
    /// Column of the labels
    #[arg(long, value_name = "COLUMN")]
    label_column: Option<String>,
    /// Entity types that are read as O, separated by commas
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
                separator: self.multi_label.then_some(','),
            },
            ignored: self.ignore.clone(),
            multi_label: self.multi_label,
        }
    }
}

/// Examples of all splits.
pub struct Examples {
    pub train: Vec<Example>,
    pub dev: Vec<Example>,
    pub test: Option<Vec<Example>>,
}
