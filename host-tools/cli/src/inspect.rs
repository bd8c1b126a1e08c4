//! `embert inspect`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::Args;
use embert_tools::inspect::Inspection;
use indicatif::HumanCount;

use super::blob::Blob;

const EXAMPLES: &str = "\
Examples:
  embert inspect model.embert
  embert inspect model.embert --json | jq .scratch";

/// Show the contents of a blob: shape, sizes, memory needed, labels, checksum.
///
/// Exits with an error if the checksum does not match.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Inspect {
    /// Blob made by `embert quantize`. Default: the built-in model
    model: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub fn run(self) -> Result<()> {
        let blob = Blob::open(self.model.as_deref())?;
        let inspection = Inspection::new(&blob.parse()?);
        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &inspection).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            write(&inspection, &mut out)?;
        }
        if !inspection.intact {
            bail!(
                "the checksum is wrong: {} was damaged after it was made",
                blob.name()
            );
        }
        Ok(())
    }
}

fn write(blob: &Inspection, out: &mut dyn Write) -> io::Result<()> {
    let count = |number: usize| HumanCount(number as u64).to_string();
    let yes = |flag, what| if flag { what } else { "" };
    let settings = &blob.tokenizer;
    let settings = [
        if settings.lowercase {
            "lowercase"
        } else {
            "cased"
        },
        yes(settings.strip_accents, "accents stripped"),
        yes(settings.clean_text, "control characters dropped"),
        yes(settings.handle_chinese_chars, "CJK characters apart"),
    ];
    let settings: Vec<&str> = settings
        .into_iter()
        .filter(|setting| !setting.is_empty())
        .collect();

    writeln!(out, "head          {}", blob.head)?;
    writeln!(
        out,
        "shape         {} layers, hidden {}, {} attention heads, intermediate {} ({})",
        blob.layers, blob.hidden, blob.attention_heads, blob.intermediate, blob.activation
    )?;
    writeln!(
        out,
        "input         {} word pieces, {} positions, {} segments",
        count(blob.vocabulary),
        blob.positions,
        blob.segments
    )?;
    writeln!(out, "tokenizer     {}", settings.join(", "))?;
    let intact = if blob.intact { "intact" } else { "WRONG" };
    writeln!(out, "checksum      {:08x}, {intact}", blob.checksum)?;

    writeln!(out, "\nbytes         section")?;
    for section in &blob.sections {
        let weights = section.weights.map(|weights| format!(", {weights}"));
        writeln!(
            out,
            "{:>12}  {}{}",
            count(section.bytes),
            section.name,
            weights.unwrap_or_default()
        )?;
    }
    writeln!(out, "{:>12}  in all", count(blob.bytes))?;

    writeln!(out, "\nscratch       tokens   multiply-accumulates")?;
    for size in &blob.scratch {
        let macs = HumanCount(size.macs).to_string();
        writeln!(
            out,
            "{:>12}  {:>6}  {macs:>21}",
            count(size.bytes),
            size.tokens
        )?;
    }
    if !blob.labels.is_empty() {
        writeln!(out, "\nlabels\n  {}", blob.labels.join(" "))?;
    }
    if !blob.token_labels.is_empty() {
        writeln!(out, "\nlabels of tokens\n  {}", blob.token_labels.join(" "))?;
    }
    if !blob.about.is_empty() {
        writeln!(out, "\n{}", blob.about.trim_end())?;
    }
    Ok(())
}
