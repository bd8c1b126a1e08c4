//! `embert validate`.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Result, bail};
use clap::Args;
use embert_tools::{
    checkpoint::Checkpoint,
    validate::{Summary, Worst, compare},
};

use super::{blob::Blob, head::HeadArgument, progress::Bar, texts::Texts};

const EXAMPLES: &str = "\
Examples:
  embert validate ./all-MiniLM-L6-v2 model.embert --texts sentences.txt
  embert validate ./checkpoint model.embert --texts texts.txt --worst 20 --json";

/// Compare a blob with the checkpoint it was made from, text by text.
///
/// The checkpoint runs in 32-bit floats in embert's reference implementation, which agrees with
/// PyTorch to 1e-4.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Validate {
    /// Checkpoint folder that the blob was made from
    checkpoint: PathBuf,
    /// Blob
    model: PathBuf,
    /// Texts to compare on, one a line ("-" is stdin); empty lines are skipped. For question answering
    /// a line has the question, a tab, and the context
    #[arg(long, value_name = "FILE")]
    texts: PathBuf,
    /// The --head given to `embert quantize`, if any
    #[arg(long, value_name = "HEAD")]
    head: Option<HeadArgument>,
    /// Number of worst texts to show
    #[arg(long, default_value_t = 5)]
    worst: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Validate {
    pub fn run(self) -> Result<()> {
        let blob = Blob::open(Some(&self.model))?;
        let model = blob.verified()?;
        let texts = Texts::open(Vec::new(), Some(self.texts))?;
        let mut texts = texts.collect::<Result<Vec<String>>>()?;
        texts.retain(|text| !text.trim().is_empty());
        if texts.is_empty() {
            bail!("there are no texts to compare on");
        }
        let checkpoint = Checkpoint::open(&self.checkpoint, self.head.map(Into::into))?;

        let bar = Bar::new(texts.len(), "comparing");
        let comparisons = compare(&checkpoint, &model, &texts, || bar.add(1))?;
        bar.finish();
        let summary = Summary::new(&texts, &comparisons, self.worst);

        let mut out = io::stdout().lock();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &summary).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            write(&summary, &mut out)?;
        }
        Ok(())
    }
}

fn write(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "texts             {}", summary.texts)?;
    if let Some(agreement) = summary.agreement {
        let (percent, decisions) = (agreement * 100.0, summary.decisions);
        let what = match summary.probability_gap {
            Some(_) => "labels",
            None => "answers",
        };
        writeln!(
            out,
            "{:<18}{percent:.3}% of {decisions}",
            format!("{what} agree")
        )?;
    }
    if let Some(agreement) = summary.intent_agreement {
        let (percent, texts) = (agreement * 100.0, summary.texts);
        writeln!(out, "intents agree     {percent:.3}% of {texts}")?;
    }
    if let Some(gap) = summary.probability_gap {
        writeln!(out, "probability gap   {gap:.4} at most")?;
    }
    if let Some(cosine) = summary.cosine {
        writeln!(
            out,
            "cosine            mean {:.5}  minimum {:.5}",
            cosine.mean, cosine.min
        )?;
    }
    if !summary.worst.is_empty() {
        writeln!(out, "\nworst texts")?;
    }
    for Worst { text, comparison } in &summary.worst {
        let measure = match (comparison.cosine, comparison.probability_gap) {
            (Some(cosine), _) => format!("cosine {cosine:.5}"),
            (None, Some(gap)) => format!(
                "{} of {} differ{}, gap {gap:.4}",
                comparison.decisions - comparison.agreed,
                comparison.decisions,
                match comparison.same_intent {
                    Some(false) => ", intents too",
                    _ => "",
                },
            ),
            (None, None) if comparison.agreed == comparison.decisions => "same answer".into(),
            (None, None) => "another answer".into(),
        };
        writeln!(out, "  {measure}  {}", console::truncate_str(text, 72, "…"))?;
    }
    Ok(())
}
