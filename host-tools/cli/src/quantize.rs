//! `embert quantize`.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use embert::blob::Format;
use embert_tools::{
    checkpoint::{Checkpoint, FloatHead},
    quantize::{Options, Part, Step, quantize},
    transform::factorize::factorize,
    transform::prune::{prune, vocab_txt},
};
use indicatif::HumanCount;

use super::{head::HeadArgument, output, progress::Bar, texts};

const EXAMPLES: &str = "\
Examples:
  embert quantize ./all-MiniLM-L6-v2 -o minilm.embert
  embert quantize ./checkpoint -o tagger.embert --calibration letters.txt
  embert quantize ./checkpoint -o small.embert --vocab-from letters.txt
  embert quantize ./names -o names.embert --recall PER=1,LOC=0.4
  embert quantize ./bge-small-en-v1.5 -o bge.embert --head cls
  embert quantize ./bert-base-uncased -o server.embert --for x86-64
  embert quantize ./checkpoint -o small.embert --int4 embeddings,feed-forward
  embert quantize ./checkpoint -o small.embert --rank 64";

/// Make a blob of a Hugging Face checkpoint: int8 weights, vocabulary, labels, all in one file.
///
/// The folder holds config.json, model.safetensors or pytorch_model.bin, and tokenizer.json or
/// vocab.txt.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Quantize {
    /// The checkpoint folder
    checkpoint: PathBuf,
    /// The blob to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Texts like those the model will read, one a line; a built-in selection otherwise
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Leave out the word pieces that these texts, one a line, do not need: they are written beside
    /// the blob, as FILE.vocab.txt. Words cut otherwise then are read less well: see `validate`
    #[arg(long, value_name = "CORPUS", num_args = 1..)]
    vocab_from: Vec<PathBuf>,
    /// Leave out pieces that the corpus yields less often, too
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1,
        requires = "vocab_from"
    )]
    vocab_min_count: usize,
    /// Store word embeddings of so many channels and a projection to the hidden size (ALBERT's
    /// factorization): the nearest to those of the checkpoint. Costs much unless the model was
    /// trained so: see `validate`. In 4 bits, multiples of 32 waste nothing
    #[arg(long, value_name = "CHANNELS")]
    rank: Option<usize>,
    /// Find more entities, and be wrong more often: so much is added to the logits of all of them, or
    /// of a kind (PER=1,LOC=0.4); below zero the other way round. `embert evaluate` shows what it
    /// does to precision and recall
    #[arg(
        long,
        value_name = "LOGITS",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    recall: Vec<Recall>,
    /// What to compute, instead of what the folder says
    #[arg(long)]
    head: Option<HeadArgument>,
    /// Where the model came from and what its licence asks to be said, kept in the blob; the
    /// folder's NOTICE otherwise
    #[arg(long, value_name = "FILE")]
    notice: Option<PathBuf>,
    /// Where the blob will run
    #[arg(long = "for", value_name = "PROCESSOR", default_value = "any")]
    processor: Processor,
    /// What to store in 4 bits instead of 8
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    int4: Vec<PartArgument>,
}

/// What can be int4. Look at what it costs with `embert validate`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PartArgument {
    /// Word and position embeddings: most of a small model
    Embeddings,
    /// Queries, keys, values and the output of attention
    Attention,
    /// Both matrices of the feed-forward network
    FeedForward,
}

impl From<PartArgument> for Part {
    fn from(part: PartArgument) -> Self {
        match part {
            PartArgument::Embeddings => Part::Embeddings,
            PartArgument::Attention => Part::Attention,
            PartArgument::FeedForward => Part::FeedForward,
        }
    }
}

/// What is added to the logits of a kind of entities, or of all.
#[derive(Clone, Debug)]
struct Recall {
    kind: Option<String>,
    logits: f32,
}

impl FromStr for Recall {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, logits) = match text.split_once('=') {
            Some((kind, logits)) => (Some(kind.to_owned()), logits),
            None => (None, text),
        };
        match logits.parse::<f32>() {
            Ok(logits) if logits.is_finite() => Ok(Recall { kind, logits }),
            _ => Err("give a number, as 0.5, or one for a kind, as PER=1".to_owned()),
        }
    }
}

/// What a blob's weights are arranged for; the results are the same.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Processor {
    /// Any processor, microcontrollers included
    Any,
    /// x86-64 alone: up to a quarter faster there, most for large models and short texts
    #[value(name = "x86-64")]
    X86,
}

impl Quantize {
    pub fn run(self) -> Result<()> {
        let mut checkpoint = Checkpoint::open(&self.checkpoint, self.head.map(Into::into))?;
        for note in &checkpoint.notes {
            eprintln!(
                "{} {note}",
                console::style("note:").cyan().bold().for_stderr()
            );
        }
        let vocab_txt = self.prune(&mut checkpoint)?;
        self.lean(&mut checkpoint)?;
        let calibration = match self.calibration {
            Some(path) => texts::lines(&path)?,
            None => Vec::new(),
        };
        if let Some(rank) = self.rank {
            factorize(&mut checkpoint, rank, &calibration)?;
        }
        let options = Options {
            calibration,
            about: about(&checkpoint, &self.checkpoint, self.notice.as_deref())?,
            format: match self.processor {
                Processor::Any => Format::Columns,
                Processor::X86 => Format::Vnni4,
            },
            int4: self.int4.into_iter().map(Into::into).collect(),
        };

        let bar = Bar::new(0, "quantizing");
        let blob = quantize(&checkpoint, &options, |step| match step {
            Step::Begin(steps) => bar.set_steps(steps as u64),
            Step::Done => bar.add(1),
        })?;
        bar.finish();
        output::write_blob(&self.output, &blob, vocab_txt.as_deref())
    }

    /// Makes entities more probable than they are to the checkpoint.
    fn lean(&self, checkpoint: &mut Checkpoint) -> Result<()> {
        let labels = &checkpoint.labels;
        let classifier = match &mut checkpoint.head {
            FloatHead::TokenClassification { classifier } => classifier,
            FloatHead::Joint { slots, .. } => slots,
            _ if self.recall.is_empty() => return Ok(()),
            _ => bail!("--recall: the model finds no entities"),
        };
        for Recall { kind, logits } in &self.recall {
            let meant = |label: &&String| {
                let stripped = label.strip_prefix("B-").or(label.strip_prefix("I-"));
                let of = stripped.unwrap_or(label);
                of != "O" && kind.as_ref().is_none_or(|kind| kind == of)
            };
            if !labels.iter().any(|label| meant(&label)) {
                let kind = kind.as_deref().unwrap_or("entities");
                bail!(
                    "--recall: the model finds no {kind}, only {}",
                    labels.join(", ")
                );
            }
            let biases = labels.iter().zip(&mut classifier.bias);
            let leant = biases.filter(|(label, _)| meant(label));
            leant.for_each(|(_, bias)| *bias += logits);
        }
        Ok(())
    }

    /// Leaves out of the vocabulary what the corpus does not need, if there is one; what is left.
    fn prune(&self, checkpoint: &mut Checkpoint) -> Result<Option<String>> {
        if self.vocab_from.is_empty() {
            return Ok(None);
        }
        let corpus = texts::lines_of_all(&self.vocab_from)?;
        let before = checkpoint.tokenizer.pieces.len();
        prune(checkpoint, &corpus, self.vocab_min_count)?;
        let after = checkpoint.tokenizer.pieces.len();
        let (before, after) = (HumanCount(before as u64), HumanCount(after as u64));
        eprintln!("kept {after} of {before} word pieces");
        Ok(Some(vocab_txt(&checkpoint.tokenizer)))
    }
}

/// Where a checkpoint came from and what its licence asks to be said: a file's text, or that of
/// the folder's NOTICE, or the little that is known.
pub fn about(checkpoint: &Checkpoint, folder: &Path, notice: Option<&Path>) -> Result<String> {
    let notice = match notice {
        Some(path) => Some(path.to_owned()),
        None => Some(folder.join("NOTICE")).filter(|path| path.exists()),
    };
    match notice {
        Some(path) => {
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        }
        None => Ok(format!("Made from the checkpoint {}.", checkpoint.source)),
    }
}
