//! `embert pretrain`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use embert::text::Normalizer;
use embert_tools::checkpoint::{
    Activation, Checkpoint, HeadChoice, LanguageModeling, Pooling, TokenizerSpec,
};
use embert_tools::sizes::Sizes;
use embert_train::data::{Boundary, Document, documents, texts};
use embert_train::model::Config;
use embert_train::pretrain::{
    BatchSampler, Corpus, Data, LanguageModel, Pretraining, Report, learn_pieces, spec, split,
    word_counts,
};
use serde::Serialize;

use crate::output;
use crate::training::{Schedule, end};

const EXAMPLES: &str = "\
Examples:
  embert pretrain --text novels/ -o mine
  embert pretrain --text novels/ speeches/*.txt --shape 4x256x4x1024 --vocab-size 16000 -o mine
  embert pretrain --text articles.txt --blank-lines --cased --whole-words --epochs 5 -o mine
  embert pretrain --text mails/ --from ./checkpoint --learning-rate 1e-4 -o mine
  embert finetune mine --train train.tsv --dev dev.tsv -o task";

/// Pre-train a BERT on plain text and write a Hugging Face folder.
///
/// The objectives are masked words and next sentence prediction (Devlin et al., section 3.1). The
/// WordPiece vocabulary is trained on the same text. The folder has config.json, model.safetensors,
/// vocab.txt, tokenizer_config.json, report.json, and training.csv with its picture. `embert finetune`
/// starts from it, and transformers reads it as BertForPreTraining.
#[derive(Args)]
#[command(
    after_help = EXAMPLES,
    mut_arg("epochs", |epochs| epochs.default_value("1").help(
        "Passes over the text, counted in tokens"
    )),
    mut_arg("batch", |batch| batch.help("Segment pairs in a batch (one optimizer step)")),
    mut_arg("learning_rate", |rate| rate.default_value("1e-3")),
)]
pub struct Pretrain {
    /// Files of text in UTF-8, or folders of .txt files; each file is a document
    #[arg(long, required = true, num_args = 1.., value_name = "FILES")]
    text: Vec<PathBuf>,
    /// Output folder
    #[arg(long, short, value_name = "FOLDER")]
    output: PathBuf,
    /// Documents end at blank lines, sentences at line ends
    #[arg(long)]
    blank_lines: bool,
    /// Shape: tiny (2x128x2x512), mini (4x256x4x1024), small (4x512x8x2048), or
    /// LAYERSxHIDDENxHEADSxINTERMEDIATE
    #[arg(long, default_value = "tiny")]
    shape: Sizes,
    /// Size of the WordPiece vocabulary trained on the text
    #[arg(long, default_value_t = 8192, value_name = "PIECES")]
    vocab_size: usize,
    /// vocab.txt to use instead of training a vocabulary
    #[arg(long, value_name = "FILE", conflicts_with = "vocab_size")]
    vocab: Option<PathBuf>,
    /// Checkpoint folder whose weights and vocabulary pre-training continues from
    #[arg(long, value_name = "CHECKPOINT", conflicts_with_all = ["shape", "vocab", "vocab_size", "cased"])]
    from: Option<PathBuf>,
    /// Keep capital letters and accents in the vocabulary
    #[arg(long)]
    cased: bool,
    /// Mask all pieces of a word together
    #[arg(long)]
    whole_words: bool,
    /// Tokens of a segment pair, and positions of the model
    #[arg(long, default_value_t = 128, value_name = "TOKENS")]
    max_tokens: usize,
    /// Fraction of the documents held out for evaluation, 0 to 1
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    held_out: f64,
    #[command(flatten)]
    schedule: Schedule,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// The contents of report.json.
#[derive(Serialize)]
struct Reports {
    /// Scores on the held-out documents.
    held_out: Report,
    /// Documents and tokens of the training text.
    documents: usize,
    tokens: usize,
    /// Pieces.
    vocabulary: usize,
    tokens_per_second: f64,
}

impl Pretrain {
    pub fn run(self) -> Result<()> {
        output::spare(&self.output, &self.from)?;
        ensure!(
            self.held_out > 0.0 && self.held_out < 1.0,
            "--held-out is a share between 0 and 1"
        );
        ensure!(self.max_tokens >= 8, "--max-tokens is 8 at least");
        let schedule = &self.schedule;
        ensure!(
            schedule.batch > 0 && schedule.accumulation_steps > 0,
            "--batch and --parts are 1 at least"
        );
        let boundary = match self.blank_lines {
            true => Boundary::BlankLine,
            false => Boundary::File,
        };
        let documents = documents(&self.text, boundary)?;
        let [learnt, held_out] = split(documents, self.held_out, schedule.seed)?;
        schedule.begin(&self.output)?;
        let (base, mut model) = match &self.from {
            Some(folder) => self.propagate_tags(folder)?,
            None => self.begin(&learnt)?,
        };
        let tokenizer = &base.tokenizer;
        let [corpus, held_out] = [&learnt, &held_out].map(|text| Corpus::read(text, tokenizer));
        let (corpus, held_out) = (corpus?, held_out?);
        eprintln!(
            "{} documents of {} tokens, {} documents held out; {} pieces",
            corpus.documents.len(),
            corpus.tokens(),
            held_out.documents.len(),
            tokenizer.pieces.len()
        );
        let maker = BatchSampler {
            corpus: &corpus,
            spec: tokenizer,
            mask: tokenizer.mask.context("the vocabulary has no [MASK]")?,
            tokens: self.max_tokens.min(model.encoder.config.positions),
            whole_words: self.whole_words,
            seed: schedule.seed,
        };
        let data = Data {
            maker,
            held_out: &held_out,
            batch: schedule.batch,
            parts: schedule.accumulation_steps,
        };
        let mut lesson = Pretraining::new(&mut model, data);
        let tokens_per_second = schedule.run(&mut lesson, &self.output)?;
        let reports = Reports {
            held_out: lesson.report(),
            documents: corpus.documents.len(),
            tokens: corpus.tokens(),
            vocabulary: tokenizer.pieces.len(),
            tokens_per_second,
        };
        let (floats, heads) = model.floats();
        let checkpoint = Checkpoint {
            model: floats,
            ..base
        };
        checkpoint.save_pretrained(&self.output, &heads)?;
        let text = serde_json::to_vec_pretty(&reports)?;
        output::write(&self.output.join("report.json"), &text)?;
        end(&self.output)?;
        let mut out = io::stdout().lock();
        match self.json {
            true => Ok(writeln!(out, "{}", String::from_utf8_lossy(&text))?),
            false => reports.print(&mut out),
        }
    }

    /// A model of random weights, and the checkpoint that it will be.
    fn begin(&self, documents: &[Document]) -> Result<(Checkpoint, LanguageModel)> {
        let tokenizer = self.tokenizer(documents)?;
        let sizes = self.shape;
        let config = Config {
            layers: sizes.layers,
            hidden: sizes.hidden,
            heads: sizes.heads,
            intermediate: sizes.intermediate,
            vocabulary: tokenizer.pieces.len(),
            rank: None,
            positions: self.max_tokens,
            segments: 2,
            activation: Activation::GeluErf,
            epsilon: 1e-12,
        };
        let model = LanguageModel::new(config, self.schedule.seed);
        let name = self.output.file_name().unwrap_or_default();
        let (floats, _) = model.floats();
        let checkpoint = Checkpoint::encoder(&name.to_string_lossy(), floats, tokenizer);
        Ok((checkpoint, model))
    }

    fn tokenizer(&self, documents: &[Document]) -> Result<TokenizerSpec> {
        if let Some(path) = &self.vocab {
            let pieces = texts(path)?;
            let named = || format!("{} is no vocabulary", path.display());
            return spec(pieces, self.cased).with_context(named);
        }
        let normalizer = Normalizer {
            clean_text: true,
            handle_chinese_chars: true,
            strip_accents: !self.cased,
            lowercase: !self.cased,
        };
        let words = word_counts(documents, normalizer);
        Ok(spec(learn_pieces(&words, self.vocab_size), self.cased)?)
    }

    /// A model that has been pre-trained before, and its checkpoint.
    fn propagate_tags(&self, folder: &Path) -> Result<(Checkpoint, LanguageModel)> {
        let head = HeadChoice::Embedding(Pooling::Mean);
        let base = Checkpoint::open(folder, Some(head))?;
        let heads = LanguageModeling::open(folder, &base.model)?;
        let model = LanguageModel::of(&base.model, heads.as_ref(), self.schedule.seed);
        Ok((base, model))
    }
}

impl Reports {
    fn print(&self, out: &mut impl Write) -> Result<()> {
        let Report {
            masked_words,
            cross_entropy,
            perplexity,
            unigram_cross_entropy,
            accuracy,
            pairs,
            next_accuracy,
            ..
        } = self.held_out;
        writeln!(
            out,
            "{masked_words} masked words of documents held out: cross entropy {cross_entropy:.3} nats \
             (perplexity {perplexity:.1}), by their frequency alone {unigram_cross_entropy:.3}; \
             {:.1}% guessed right",
            100.0 * accuracy
        )?;
        writeln!(
            out,
            "{pairs} pairs: of {:.1}%, it knows whether the second segment follows",
            100.0 * next_accuracy
        )?;
        Ok(())
    }
}
