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

/// Quantize a Hugging Face checkpoint into a blob: int8 weights, vocabulary and labels in one file.
///
/// Checkpoint folder has config.json, model.safetensors or pytorch_model.bin, and tokenizer.json or
/// vocab.txt.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Quantize {
    /// Checkpoint folder
    checkpoint: PathBuf,
    /// Output blob
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Calibration texts, one a line, similar to the texts of the application. Default: built-in texts
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Prune the vocabulary to the word pieces of these texts, one a line. The kept vocabulary is
    /// written beside the blob as FILE.vocab.txt. Other words are split into shorter pieces, which
    /// costs accuracy: measure it with `embert validate`
    #[arg(long, value_name = "CORPUS", num_args = 1..)]
    vocab_from: Vec<PathBuf>,
    /// Lowest number of occurrences in the corpus of a word piece that is kept
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1,
        requires = "vocab_from"
    )]
    vocab_min_count: usize,
    /// Rank of factorized word embeddings: that many channels a word and a projection to the hidden
    /// size (ALBERT). Costs accuracy unless the model was trained with it: measure it with
    /// `embert validate`. With 4-bit embeddings use a multiple of 32
    #[arg(long, value_name = "CHANNELS")]
    rank: Option<usize>,
    /// Bias added to the logits of all entity types, or of some (PER=1,LOC=0.4). Positive values raise
    /// recall and lower precision, negative values the reverse: measure it with `embert evaluate`
    #[arg(
        long,
        value_name = "LOGITS",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    recall: Vec<Recall>,
    /// Head to use instead of the one that the folder names
    #[arg(long)]
    head: Option<HeadArgument>,
    /// File with origin and licence notice, stored in the blob. Default: the folder's NOTICE
    #[arg(long, value_name = "FILE")]
    notice: Option<PathBuf>,
    /// Processor that the weights are arranged for
    #[arg(long = "for", value_name = "PROCESSOR", default_value = "any")]
    processor: Processor,
    /// Parts stored in 4 bits instead of 8
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    int4: Vec<PartArgument>,
}

/// Parts that can be stored in 4 bits. Measure the cost with `embert validate`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PartArgument {
    /// Word and position embeddings, most of the bytes of a small model
    Embeddings,
    /// Query, key, value and output matrices of attention
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

/// Logit bias of one entity type, or of all.
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

/// Processors that weights can be arranged for. Results do not depend on it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Processor {
    /// Any processor, microcontrollers included
    Any,
    /// x86-64 only: up to a quarter faster there, most for large models and short texts
    #[value(name = "x86-64")]
    X86,
}

impl Quantize {
    pub fn run(self) -> Result<()> {
        let inputs = [&self.checkpoint].into_iter().chain(&self.calibration);
        let inputs = inputs.chain(&self.vocab_from).chain(&self.notice);
        output::spare(&self.output, inputs)?;
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

    /// Adds the logit biases of `--recall` to the classifier.
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

    /// Prunes the vocabulary to the corpus, if one is given. Returns the kept vocabulary.
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

/// Origin and licence notice: the given file, the folder's NOTICE, or the folder's name.
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
