//! `embert fit`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use embert_tools::analyze::boards::{self, Board};
use embert_tools::checkpoint::Checkpoint;
use embert_tools::fit::{
    Candidate, LeftOut, Variant, best, by_scratch, candidate, frontier, picture, variants,
};
use embert_tools::quantize::{Options, Part};
use serde::Serialize;

use super::{head::HeadArgument, output, progress::Bar, quantize, texts};

const EXAMPLES: &str = "\
Examples:
  embert fit ./checkpoint --board rp2350 --tokens 64 --texts held-out.txt -o model.embert
  embert fit ./checkpoint --board nrf52840 --texts held-out.txt --vocab-from letters.txt \\
      --picture frontier.svg";

/// Search for the best blob that a board has room for.
///
/// Tries the vocabulary whole and pruned, more and more of the model in 4 bits, where the SRAM
/// suffices, and word embeddings of a lower rank; compares each blob with the float model; shows
/// what each size reaches; and writes the best that fits.
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

/// The search result, as `--json` prints it.
#[derive(Serialize)]
struct FitReport<'a> {
    board: Board,
    /// Flash that the code leaves to a blob, bytes.
    room: usize,
    /// By their sizes.
    candidates: &'a [Candidate],
    /// Those that were not made, for want of SRAM.
    left_out: &'a [LeftOut],
    best: Option<&'a Candidate>,
}

impl Fit {
    pub fn run(self) -> Result<()> {
        let board = boards::find(&self.board)?;
        let checkpoint = Checkpoint::open(&self.checkpoint, self.head.map(Into::into))?;
        let most = checkpoint.model.positions();
        if !(3..=most).contains(&self.tokens) {
            bail!("--tokens must be from 3 to {most}, which the model reads at most");
        }
        let texts = texts::lines(&self.texts)?;
        let corpus = texts::lines_of_all(&self.vocab_from)?;
        let variants = variants(&checkpoint.model, !corpus.is_empty());
        let (variants, left_out) =
            by_scratch(&checkpoint, variants, self.tokens, board.scratch_room());
        self.report_left_out(&left_out, board);
        if variants.is_empty() {
            bail!(
                "{} has too little SRAM for {} tokens of this model, whatever is left out of it: \
                 set a lower --tokens, or take a larger board or a narrower model",
                board.name,
                self.tokens
            );
        }
        let options = Options {
            calibration: match &self.calibration {
                Some(path) => texts::lines(path)?,
                None => Vec::new(),
            },
            about: quantize::about(&checkpoint, &self.checkpoint, None)?,
            ..Options::default()
        };

        let bar = Bar::new(variants.len(), "fitting");
        let mut candidates = Vec::new();
        for variant in variants {
            candidates.push(candidate(&checkpoint, variant, &options, &corpus, &texts)?);
            bar.add(1);
        }
        bar.finish();
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
            let report = FitReport {
                board: *board,
                room,
                candidates: &candidates,
                left_out: &left_out,
                best,
            };
            serde_json::to_writer_pretty(&mut out, &report).map_err(io::Error::from)?;
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

    /// A line for those that need the same scratch: the vocabulary makes no difference.
    fn report_left_out(&self, left_out: &[LeftOut], board: &Board) {
        for alike in left_out.chunk_by(|a, b| a.scratch == b.scratch) {
            let LeftOut {
                variant,
                scratch,
                most_tokens,
            } = &alike[0];
            let change = match most_tokens {
                Some(most) => format!("--tokens {most} would fit"),
                None => "no text would fit".to_owned(),
            };
            eprintln!(
                "left out: {}{}: {} tokens need {scratch} bytes of scratch, {} has {} beside the \
                 stack; {change}",
                in_words(variant),
                match alike.len() {
                    1 => String::new(),
                    all => format!(" and {} more like it", all - 1),
                },
                self.tokens,
                board.name,
                board.scratch_room()
            );
        }
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
    let words = match variant.vocab_min_count {
        None => "whole vocabulary".to_owned(),
        Some(1) => "pieces of the corpus".to_owned(),
        Some(count) => format!("pieces {count} times in the corpus"),
    };
    match variant.rank {
        None => format!("{weights}; {words}"),
        Some(rank) => format!("{weights}; {words}, of rank {rank}"),
    }
}
