//! The `embert` command: a module for each verb.

// Help texts name tokens such as [CLS], which are no links.
#![allow(rustdoc::broken_intra_doc_links)]

mod analyze;
mod blob;
#[cfg(feature = "train")]
mod distill;
#[cfg(feature = "train")]
mod evaluate;
#[cfg(feature = "train")]
mod finetune;
mod fit;
mod head;
mod inspect;
#[cfg(feature = "train")]
mod label;
mod output;
#[cfg(feature = "train")]
mod pretrain;
mod progress;
mod quantize;
mod run;
mod texts;
#[cfg(feature = "train")]
mod training;
mod validate;

use std::process::ExitCode;

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
struct Cli {
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
    #[cfg(feature = "train")]
    Pretrain(pretrain::Pretrain),
    #[cfg(feature = "train")]
    Finetune(finetune::Finetune),
    #[cfg(feature = "train")]
    #[command(alias = "distil")]
    Distill(distill::Distill),
    #[cfg(feature = "train")]
    Label(label::Label),
    #[cfg(feature = "train")]
    Evaluate(evaluate::Evaluate),
}

impl Cli {
    fn run(self) -> Result<()> {
        match self.verb {
            Verb::Quantize(quantize) => quantize.run(),
            Verb::Run(run) => run.run(),
            Verb::Inspect(inspect) => inspect.run(),
            Verb::Analyze(analyze) => analyze.run(),
            Verb::Fit(fit) => fit.run(),
            Verb::Validate(validate) => validate.run(),
            #[cfg(feature = "train")]
            Verb::Pretrain(pretrain) => pretrain.run(),
            #[cfg(feature = "train")]
            Verb::Finetune(finetune) => finetune.run(),
            #[cfg(feature = "train")]
            Verb::Distill(distill) => distill.run(),
            #[cfg(feature = "train")]
            Verb::Label(label) => label.run(),
            #[cfg(feature = "train")]
            Verb::Evaluate(evaluate) => evaluate.run(),
        }
    }
}

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has had enough, as `head` has after ten lines.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "{} {error:#}",
                console::style("error:").red().bold().for_stderr()
            );
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    causes.any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
