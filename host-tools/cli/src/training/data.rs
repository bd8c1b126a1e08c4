//! Where data comes from.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use embert_tools::windows::STRIDE;
use embert_train::augment::exchanged;
use embert_train::data::{self, Column, HeldOut};
use embert_train::example::Example;
use embert_train::finetune::{Rows, Source};

use crate::texts;

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
    /// Of what is exchanged, let as much as is new in its type be words of these texts, one a line
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "exchange")]
    names_from: Vec<PathBuf>,
    /// Leave out what overlaps these texts, one a line, that models are judged by: those it has
    /// within it, or 30 letters and digits of one in a row
    #[arg(long, value_name = "FILE", num_args = 1..)]
    without: Vec<PathBuf>,
    /// Longer texts are cut off, longer contexts of questions read in windows
    #[arg(long, default_value_t = 128)]
    pub max_tokens: usize,
}

impl Data {
    /// What to learn from, and texts without labels, one a line; what is exchanged follows from the
    /// seed.
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
            rows.extend(exchanged(rows, &texts, self.exchange, seed));
        }
        let mut unlabelled = texts::lines_of_all(unlabelled)?;
        unlabelled.retain(|text| !held_out.has(text));
        Ok((rows, unlabelled))
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

/// Examples of all splits.
pub struct Examples {
    pub train: Vec<Example>,
    pub dev: Vec<Example>,
    pub test: Option<Vec<Example>>,
}
