//! `embert analyze`.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use embert_tools::analyze::boards::{self, BOARDS};
use embert_tools::analyze::trace::Part;
use embert_tools::analyze::{Analysis, PartCost, picture};
use indicatif::HumanCount;

use super::{blob::Blob, output};

const EXAMPLES: &str = "\
Examples:
  embert analyze model.embert --board nrf52840 --tokens 64
  embert analyze model.embert --board esp32-c3 --picture memory.svg
  embert analyze model.embert --board stm32h743 --json | jq .text
  embert analyze --boards";

/// Predict flash, SRAM, instructions and milliseconds of a model on a board, by part.
///
/// SRAM is exact, with the largest measured stack. Instructions are predicted from counts in QEMU.
/// Milliseconds follow from instructions and assumed cycles per instruction: no board was measured,
/// and flash slower than the processor adds time.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Analyze {
    /// Blob made by `embert quantize`. Default: the built-in model
    model: Option<PathBuf>,
    /// Board name; --boards lists them
    #[arg(long, required_unless_present = "boards")]
    board: Option<String>,
    /// Tokens of a text, [CLS] and [SEP] included
    #[arg(long, default_value_t = 128)]
    tokens: usize,
    /// List the boards and exit
    #[arg(long)]
    boards: bool,
    /// File for a picture of memory over the layers, as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Analyze {
    pub fn run(self) -> Result<()> {
        let mut out = io::stdout().lock();
        if self.boards {
            return Ok(write_boards(&mut out)?);
        }
        if let Some(picture) = &self.picture {
            output::spare(picture, &self.model)?;
        }
        let name = self.board.unwrap_or_default();
        let board = boards::find(&name)?;
        let blob = Blob::open(self.model.as_deref())?;
        let model = blob.verified()?;
        let most = model.shape().positions;
        if !(3..=most).contains(&self.tokens) {
            bail!("--tokens must be from 3 to {most}, which the model reads at most");
        }
        let analysis = Analysis::new(&model, board, self.tokens)
            .with_context(|| format!("cannot analyze {}", blob.name()))?;
        if let Some(path) = &self.picture {
            let svg = picture::svg(&analysis, &blob.name());
            output::write(path, svg.as_bytes())?;
            eprintln!("wrote {}", path.display());
        }
        if self.json {
            serde_json::to_writer_pretty(&mut out, &analysis).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            write(&analysis, &mut out)?;
        }
        Ok(())
    }
}

fn write_boards(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "board        core         MHz   flash KiB  SRAM KiB  found on                    compared with"
    )?;
    for board in BOARDS {
        writeln!(
            out,
            "{:12} {:11} {:>4} {:>11} {:>9}  {:26}  {}",
            board.name,
            board.core.name,
            board.mhz,
            board.flash_kib,
            board.sram_kib,
            board.found_on,
            board.source
        )?;
    }
    Ok(())
}

fn write(analysis: &Analysis, out: &mut dyn Write) -> io::Result<()> {
    let (board, flash, sram) = (&analysis.board, &analysis.flash, &analysis.sram);
    let kib = |bytes: usize| format!("{:.1} KiB", bytes as f64 / 1024.0);
    let fits = |needed, available| match needed <= available {
        true => "fits",
        false => "DOES NOT FIT",
    };
    writeln!(
        out,
        "board         {} ({}): {}, {} MHz",
        board.name, board.found_on, board.core.name, board.mhz
    )?;
    writeln!(
        out,
        "flash         {} of {}: {}",
        kib(flash.needed),
        kib(flash.available),
        fits(flash.needed, flash.available)
    )?;
    for section in flash.sections.iter().filter(|section| section.bytes > 0) {
        writeln!(out, "{:>16}  {}", kib(section.bytes), section.name)?;
    }
    writeln!(out, "{:>16}  code, at most", kib(flash.code))?;
    writeln!(
        out,
        "SRAM          {} of {}: {}",
        kib(sram.needed),
        kib(sram.available),
        fits(sram.needed, sram.available)
    )?;
    writeln!(
        out,
        "{:>16}  scratch for {} tokens",
        kib(sram.scratch),
        analysis.tokens
    )?;
    writeln!(out, "{:>16}  stack, the largest measured", kib(sram.stack))?;
    match analysis.most_tokens {
        Some(most) => writeln!(out, "longest text  {most} tokens")?,
        None => writeln!(
            out,
            "longest text  none: the SRAM is too small for this model"
        )?,
    }
    writeln!(
        out,
        "time          {:.1} ms, if an instruction takes {} cycles, which is assumed: not measured",
        analysis.text.milliseconds, board.core.cycles_per_instruction
    )?;

    writeln!(
        out,
        "\n{:24} {:>16} {:>16} {:>10}  share",
        "part", "MACs", "instructions", "ms"
    )?;
    let whole = analysis.text.instructions.max(1) as f64;
    let mut line = |name: &str, cost: &embert_tools::analyze::Cost| {
        writeln!(
            out,
            "{name:24} {:>16} {:>16} {:>10.2}  {:.1}%",
            HumanCount(cost.macs).to_string(),
            HumanCount(cost.instructions).to_string(),
            cost.milliseconds,
            cost.instructions as f64 * 100.0 / whole
        )
    };
    for part in &analysis.parts {
        line(&part_name(part), &part.cost)?;
    }
    line("in all", &analysis.text)
}

fn part_name(part: &PartCost) -> String {
    let name = match part.part {
        None => "tokens",
        Some(Part::Embeddings) => "embeddings",
        Some(Part::Attention) => "attention",
        Some(Part::FeedForward) => "feed-forward",
        Some(Part::Head) => "head",
    };
    match part.layer {
        Some(layer) => format!("layer {layer}, {name}"),
        None => name.to_owned(),
    }
}
