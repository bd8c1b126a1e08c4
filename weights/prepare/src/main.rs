//! `prepare`: converts the data sets of the recipes into training data.

// Help texts name tokens such as [NAME], which are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use embert_prepare::input::{clean, lines, read_each, read_joined};
use embert_prepare::lines::{Filter, Sample, column, filter, sample_lines, without_header};
use embert_prepare::random::ParkMiller;
use embert_prepare::sentences::{masc_sentences, novel_sentences, split_sentences};
use embert_prepare::sentiment::{clauses, label_reviews, label_vader, name_labels, word_runs};
use embert_prepare::{conll, names, templates};

/// Convert the data sets of the recipes in weights/ into training data.
///
/// Reads the files, or stdin where none are named, and writes stdout. Several files are joined as `cat`
/// joins them, unless the command's help says otherwise.
#[derive(Parser)]
#[command(name = "prepare")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write one column of tab-separated lines, file by file.
    Column {
        /// Number of the column, from 1.
        number: usize,
        /// Leave out the first line of each file.
        #[arg(long)]
        skip_header: bool,
        files: Vec<PathBuf>,
    },
    /// Keep lines by their number.
    SampleLines {
        #[command(flatten)]
        sample: SampleArguments,
        files: Vec<PathBuf>,
    },
    /// Keep CoNLL sentences by their number.
    SampleSentences {
        #[command(flatten)]
        sample: SampleArguments,
        files: Vec<PathBuf>,
    },
    /// Keep lines by their words.
    Filter {
        #[command(flatten)]
        filter: FilterArguments,
        files: Vec<PathBuf>,
    },
    /// Convert words with tags to IOB2 with the types PER, LOC and ORG; other types become O.
    Iob2 { files: Vec<PathBuf> },
    /// Write the words of each CoNLL sentence as a line.
    JoinWords { files: Vec<PathBuf> },
    /// Split running text into sentences, one a line.
    SplitSentences { files: Vec<PathBuf> },
    /// Write the sentences of novels that have two capitalized words in a row.
    NovelSentences {
        /// Take every N-th sentence.
        #[arg(long, value_name = "N", default_value_t = 1)]
        every: usize,
        files: Vec<PathBuf>,
    },
    /// Write the sentences of MASC's tagged files without their tags, file by file.
    MascSentences {
        #[command(flatten)]
        sample: SampleArguments,
        /// The files; the sampling options select files by their position in this list.
        files: Vec<PathBuf>,
    },
    /// Replace [NAME] in comments by names of labelled people; leave out lines without [NAME].
    FillNames {
        /// Sentences with people labelled in IOB2.
        #[arg(long)]
        conll: PathBuf,
        /// Start of the random numbers, from 1.
        #[arg(long)]
        seed: u64,
        files: Vec<PathBuf>,
    },
    /// Fill sentence templates with made-up personal data.
    FillTemplates {
        /// Number of sentences.
        #[arg(long)]
        count: usize,
        /// Start of the random numbers.
        #[arg(long)]
        seed: u64,
        /// The templates, one a line.
        templates: PathBuf,
    },
    /// Name the labels of SST-2's lines: positive for 1, negative for 0.
    NameLabels { files: Vec<PathBuf> },
    /// Label reviews, and leave out those that overlap with held-out texts.
    LabelReviews {
        /// The label of all these reviews.
        #[arg(long)]
        label: String,
        /// The held-out texts, one a line.
        #[arg(long)]
        held_out: PathBuf,
        files: Vec<PathBuf>,
    },
    /// Label VADER's snippets of a mean rating from 1 up or -1 down.
    LabelVader { files: Vec<PathBuf> },
    /// Write the different clauses of 2 to 30 words, sorted.
    Clauses { files: Vec<PathBuf> },
    /// Write the different runs of four and of eight words, sorted.
    WordRuns { files: Vec<PathBuf> },
}

#[derive(Args)]
struct SampleArguments {
    /// Divide numbers, which count from 1, by this.
    #[arg(long, default_value_t = 1)]
    modulus: usize,
    /// Keep numbers that leave one of these remainders.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    remainders: Vec<usize>,
    /// Keep the other remainders instead.
    #[arg(long)]
    invert: bool,
    /// First number to keep.
    #[arg(long, default_value_t = 1)]
    from: usize,
    /// Last number to keep.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    to: usize,
}

impl SampleArguments {
    fn sample(self) -> Result<Sample> {
        ensure!(self.modulus > 0, "--modulus must not be 0");
        let Self {
            modulus,
            remainders,
            invert,
            from,
            to,
        } = self;
        Ok(Sample {
            range: from..=to,
            modulus,
            remainders,
            inverted: invert,
        })
    }
}

#[derive(Args)]
struct FilterArguments {
    /// Fewest words.
    #[arg(long, default_value_t = 0)]
    min_words: usize,
    /// Most words.
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true)]
    max_words: usize,
    /// Keep lines in which a word after the first begins with an ASCII capital and a small letter.
    #[arg(long)]
    capitalized: bool,
    /// Keep the first of equal lines.
    #[arg(long)]
    unique: bool,
    /// Leave out lines that contain this; may be given several times.
    #[arg(long, value_name = "STRING")]
    without: Vec<String>,
    /// Remove bytes that are not UTF-8, and carriage returns, first.
    #[arg(long)]
    clean: bool,
}

fn main() -> Result<()> {
    let out = convert(Arguments::parse().command)?;
    io::stdout()
        .lock()
        .write_all(&out)
        .context("cannot write stdout")
}

fn convert(command: Command) -> Result<Vec<u8>> {
    Ok(match command {
        Command::Column {
            number,
            skip_header,
            files,
        } => {
            ensure!(number > 0, "columns count from 1");
            let of = |text: &Vec<u8>| {
                column(
                    if skip_header {
                        without_header(text)
                    } else {
                        text
                    },
                    number,
                )
            };
            read_each(&files)?.iter().flat_map(of).collect()
        }
        Command::SampleLines { sample, files } => {
            sample_lines(&read_joined(&files)?, &sample.sample()?)
        }
        Command::SampleSentences { sample, files } => {
            conll::sample_sentences(&read_joined(&files)?, &sample.sample()?)
        }
        Command::Filter {
            filter: arguments,
            files,
        } => {
            let mut text = read_joined(&files)?;
            if arguments.clean {
                text = clean(&text);
            }
            let FilterArguments {
                min_words,
                max_words,
                capitalized,
                unique,
                without,
                ..
            } = arguments;
            ensure!(
                without.iter().all(|string| !string.is_empty()),
                "--without must not be empty"
            );
            let without = without.into_iter().map(String::into_bytes).collect();
            filter(
                &text,
                &Filter {
                    words: min_words..=max_words,
                    capitalized,
                    unique,
                    without,
                },
            )
        }
        Command::Iob2 { files } => conll::iob2(&read_joined(&files)?),
        Command::JoinWords { files } => conll::join_words(&read_joined(&files)?),
        Command::SplitSentences { files } => split_sentences(&read_joined(&files)?),
        Command::NovelSentences { every, files } => {
            ensure!(every > 0, "--every must not be 0");
            novel_sentences(&read_joined(&files)?, every)
        }
        Command::MascSentences { sample, files } => {
            let sample = sample.sample()?;
            let mut out = Vec::new();
            for (number, text) in (1..).zip(read_each(&files)?) {
                if sample.keeps(number) {
                    out.extend(masc_sentences(&text));
                }
            }
            out
        }
        Command::FillNames { conll, seed, files } => names::fill_names(
            &read_joined(&files)?,
            &read(&conll)?,
            &mut ParkMiller::new(seed),
        ),
        Command::FillTemplates {
            count,
            seed,
            templates,
        } => {
            let text = read(&templates)?;
            ensure!(
                lines(&text).any(|line| !line.is_empty()),
                "{} is empty",
                templates.display()
            );
            templates::fill_templates(&text, count, ParkMiller::new(seed * 7919 + 1))
        }
        Command::NameLabels { files } => name_labels(&read_joined(&files)?),
        Command::LabelReviews {
            label,
            held_out,
            files,
        } => label_reviews(&read_joined(&files)?, &label, &read(&held_out)?),
        Command::LabelVader { files } => label_vader(&read_joined(&files)?),
        Command::Clauses { files } => clauses(&read_joined(&files)?),
        Command::WordRuns { files } => word_runs(&read_joined(&files)?),
    })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}
