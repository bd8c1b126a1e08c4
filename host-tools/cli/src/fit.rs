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

/// Search for the most accurate blob that fits a board.
///
/// Tries full and pruned vocabularies, 4-bit parts (where the SRAM suffices) and lower ranks of the
/// word embeddings. Compares each blob with the float model, prints agreement by size, and writes the
/// best blob that fits.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Fit {
    /// Checkpoint folder
    checkpoint: PathBuf,
    /// Board name; `embert analyze --boards` lists them
    #[arg(long)]
    board: String,
    /// Tokens of a text, [CLS] and [SEP] included
    #[arg(long, default_value_t = 128)]
    tokens: usize,
    /// Held-out texts, one a line, for the comparison with the float model. Not those of --vocab-from
    #[arg(long, value_name = "FILE")]
    texts: PathBuf,
    /// Texts similar to those of the application: the vocabulary may be pruned to their word pieces
    #[arg(long, value_name = "CORPUS", num_args = 1..)]
    vocab_from: Vec<PathBuf>,
    /// Calibration texts, one a line. Default: built-in texts
    #[arg(long, value_name = "FILE")]
    calibration: Option<PathBuf>,
    /// Head to use instead of the one that the folder names
    #[arg(long)]
    head: Option<HeadArgument>,
    /// Output blob
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// File for a picture of agreement over size, as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The search result, as `--json` prints it.
#[derive(Serialize)]
struct FitReport<'a> {
    board: Board,
    /// Flash available for a blob, bytes: board flash minus code size.
    room: usize,
    /// By their sizes.
    candidates: &'a [Candidate],
    /// Variants that need more SRAM than the board has.
    left_out: &'a [LeftOut],
    best: Option<&'a Candidate>,
}

impl Fit {
    pub fn run(self) -> Result<()> {
        for path in self.output.iter().chain(&self.picture) {
            let inputs = [&self.checkpoint, &self.texts].into_iter();
            output::spare(
                path,
                inputs.chain(&self.vocab_from).chain(&self.calibration),
            )?;
        }
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

    /// One line for variants with the same scratch; the vocabulary does not change it.
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
