//! The verbs of the command line.

mod analyze;
mod blob;
mod fit;
mod head;
mod inspect;
mod output;
mod progress;
mod quantize;
mod run;
mod texts;
mod validate;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// BERT that fits in a microcontroller: quantize, fit, inspect, analyze, run and validate models.
#[derive(Parser)]
#[command(
    name = "embert",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Quantize(quantize::Quantize),
    Run(run::Run),
    Inspect(inspect::Inspect),
    Analyze(analyze::Analyze),
    Fit(fit::Fit),
    Validate(validate::Validate),
}

impl Cli {
    pub fn run(self) -> Result<()> {
        match self.verb {
            Verb::Quantize(quantize) => quantize.run(),
            Verb::Run(run) => run.run(),
            Verb::Inspect(inspect) => inspect.run(),
            Verb::Analyze(analyze) => analyze.run(),
            Verb::Fit(fit) => fit.run(),
            Verb::Validate(validate) => validate.run(),
        }
    }
}
