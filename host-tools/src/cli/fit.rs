//! `embert fit`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use embert::Header;
use embert::memory::{Plan, TILE};
use embert_cli::analyze::boards::{self, Board};
use embert_cli::checkpoint::Checkpoint;
use embert_cli::fit::{Candidate, Variant, best, candidate, frontier, picture, variants};
use embert_cli::quantize::{Options, Part};
use serde::Serialize;

use super::{head::HeadArgument, output, progress, quantize, texts};

const EXAMPLES: &str = "\
Examples:
  embert fit ./checkpoint --board rp2350 --tokens 64 --texts held-out.txt -o model.embert
  embert fit ./checkpoint --board nrf52840 --texts held-out.txt --vocab-from letters.txt \\
      --picture frontier.svg";

/// Search for the best blob that a board has room for.
///
/// Tries the vocabulary whole and pruned, and more and more of the model in 4 bits; compares each
/// blob with the float model; shows what each size reaches; and writes the best that fits.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Fit {
    /// The checkpoint folder
    checkpoint: PathBuf,
    /// The board, see `embert analyze --boards`
    #[arg(long)]
    board: String,
    /// Length of the texts, [CLS] and [SEP] included
    #[arg(long, default_value_t = 128)]
    tokens: usize,
    /// Texts to compare with the float model on, one a line: not those of --vocab-from
    #[arg(long, value_name = "FILE")]
    texts: PathBuf,
    /// Texts like those the model will read: word pieces that they do not need may be left out
    #[arg(long, value_name = "CORPUS", num_args = 1..)]
    vocab_from: Vec<PathBuf>,
    /// Texts to calibrate with, one a line; a built-in selection otherwise
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// What to compute, instead of what the folder says
    #[arg(long)]
    head: Option<HeadArgument>,
    /// The blob to write
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Draw size against agreement, as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Everything as one JSON object
    #[arg(long)]
    json: bool,
}

/// What the search has found.
#[derive(Serialize)]
struct Found<'a> {
    board: Board,
    /// Flash that the code leaves to a blob, bytes.
    room: usize,
    /// By their sizes.
    candidates: &'a [Candidate],
    best: Option<&'a Candidate>,
}

impl Fit {
    pub fn run(self) -> Result<()> {
        let board = boards::find(&self.board)?;
        let checkpoint = Checkpoint::open(&self.checkpoint, self.head.map(Into::into))?;
        let texts = texts::lines(&self.texts)?;
        let corpus = texts::lines_of_all(&self.vocab_from)?;
        let options = Options {
            calibration: match &self.calibration {
                Some(path) => texts::lines(path)?,
                None => Vec::new(),
            },
            about: quantize::about(&checkpoint, &self.checkpoint, None)?,
            ..Options::default()
        };

        let variants = variants(!corpus.is_empty());
        let bar = progress::bar(variants.len(), "fitting");
        let mut candidates = Vec::new();
        for variant in variants {
            let made = candidate(&checkpoint, variant, &options, &corpus, &texts)?;
            // The first is the largest in memory, too: whether it fits is known at once.
            if candidates.is_empty() {
                bar.suspend(|| self.check_memory(&made, board))?;
            }
            candidates.push(made);
            bar.inc(1);
        }
        bar.finish_and_clear();
        frontier(&mut candidates);

        let room = board.blob_room();
        let best = best(&candidates, room);
        if let Some(path) = &self.picture {
            let title = format!("{} on {}", self.checkpoint.display(), board.name);
            output::write(path, picture::svg(&candidates, room, &title).as_bytes())?;
            eprintln!("wrote {}", path.display());
        }
        let mut out = io::stdout().lock();
        if self.json {
            let found = Found {
                board: *board,
                room,
                candidates: &candidates,
                best,
            };
            serde_json::to_writer_pretty(&mut out, &found).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            write(&candidates, room, board, best, &mut out)?;
        }
        let Some(best) = best else {
            bail!(
                "no blob is as small as {room} bytes, which {} has beside the code: distil a \
                 smaller model, or prune its vocabulary with --vocab-from",
                board.name
            );
        };
        if let Some(path) = &self.output {
            output::write_blob(path, &best.blob, best.vocab_txt.as_deref())?;
        }
        Ok(())
    }

    /// The scratch depends on the shape alone: no variant needs less.
    fn check_memory(&self, made: &Candidate, board: &Board) -> Result<()> {
        let shape = Header::read(&made.blob)
            .context("the blob just made")?
            .shape;
        let room = board.scratch_room();
        let needed = Plan::new(&shape, self.tokens, TILE, 1).bytes();
        if needed > room {
            let most = Plan::largest(&shape, room, TILE, 1).map_or(0, |plan| plan.tokens);
            bail!(
                "{} tokens need {needed} bytes of scratch, {} has {room} beside the stack: at most \
                 {most} tokens fit",
                self.tokens,
                board.name
            );
        }
        Ok(())
    }
}

fn write(
    candidates: &[Candidate],
    room: usize,
    board: &Board,
    best: Option<&Candidate>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let kib = |bytes: usize| format!("{:.1}", bytes as f64 / 1024.0);
    writeln!(out, "{} has {} KiB for a blob\n", board.name, kib(room))?;
    writeln!(out, "       KiB  agreement     variant")?;
    for candidate in candidates {
        let mark = match best {
            Some(best) if best.variant == candidate.variant => "best that fits",
            _ if candidate.on_frontier => "frontier",
            _ => "",
        };
        writeln!(
            out,
            "{:>10}  {:.5}  {mark:14}  {}",
            kib(candidate.bytes),
            candidate.agreement,
            in_words(&candidate.variant)
        )?;
    }
    Ok(())
}

fn in_words(variant: &Variant) -> String {
    let parts: Vec<&str> = variant
        .int4
        .iter()
        .map(|part| match part {
            Part::Embeddings => "embeddings",
            Part::FeedForward => "feed-forward",
            Part::Attention => "attention",
        })
        .collect();
    let weights = match &parts[..] {
        [] => "int8".to_owned(),
        parts => format!("int4 {}", parts.join(", ")),
    };
    match variant.vocab_min_count {
        None => format!("{weights}; whole vocabulary"),
        Some(1) => format!("{weights}; pieces of the corpus"),
        Some(count) => format!("{weights}; pieces {count} times in the corpus"),
    }
}
