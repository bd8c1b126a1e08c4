//! `cargo xtask time`: times texts through a model on this machine, for scripts that time other
//! engines beside it.

use std::io::{self, BufRead, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use embert::kernels::InstructionSet;
use embert::{Engine, EngineOptions, Model, Workers};
use embert_tests::blobs::Aligned;
use embert_tools::mapped::MappedFile;
use embert_tools::threads::Threads;

/// What is timed.
pub struct Timing<'a> {
    pub model: &'a Path,
    pub tokens: usize,
    pub threads: usize,
    pub tile: usize,
    pub set: Option<&'a str>,
}

/// For every line of stdin, a number of texts to run, prints how many milliseconds each took:
/// `{"ms": [...]}`.
pub fn run(timing: &Timing<'_>) -> Result<()> {
    let file =
        MappedFile::open(timing.model).with_context(|| timing.model.display().to_string())?;
    let model = Model::parse(&file)?;
    let threads = (timing.threads > 1)
        .then(|| Threads::start(timing.threads))
        .transpose()?;
    let mut settings = EngineOptions {
        tile: timing.tile,
        workers: threads.as_ref().map_or(Workers::ONE, Threads::workers),
        ..EngineOptions::default()
    };
    if let Some(set) = timing.set {
        settings.set = InstructionSet::named(set)
            .with_context(|| format!("this machine has no instruction set {set}"))?;
    }
    let plan = settings.plan(model.shape(), timing.tokens);
    let mut scratch = Aligned::filled(plan.bytes(), 0);
    let mut engine = Engine::with(&model, &mut scratch, settings)?;
    // A letter is a piece of every vocabulary, and a word of one token.
    let text = "a ".repeat(timing.tokens.saturating_sub(2));
    let mut once = || -> Result<usize> {
        let read = |engine: &mut Engine<'_, '_>| Ok(engine.run(&text)?.tokens.len());
        match &threads {
            Some(threads) => threads.run(|| read(&mut engine)),
            None => read(&mut engine),
        }
    };
    let found = once()?;
    ensure!(found == timing.tokens, "the text has {found} tokens");
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let count: usize = line.trim().parse().with_context(|| line.clone())?;
        let mut ms = Vec::with_capacity(count);
        for _ in 0..count {
            let start = Instant::now();
            once()?;
            ms.push(start.elapsed().as_secs_f64() * 1e3);
        }
        writeln!(out, "{}", serde_json::json!({ "ms": ms }))?;
        out.flush()?;
    }
    Ok(())
}
