//! `embert run`.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use embert::kernels::InstructionSet;
use embert::{Engine, EngineOptions, HeadKind, Output, Workers};
use embert_tools::{
    blob::AlignedBytes,
    question_windows::{BestAnswer, QuestionWindows, STRIDE, part},
    report::{Colours, Report, write_json, write_text},
    threads::{TILE, Threads},
};

use super::{blob::Blob, texts::Texts};

const EXAMPLES: &str = "\
Examples:
  embert run \"play some jazz by miles davis\"
  embert run model.embert \"Ada Lovelace lives in London.\"
  embert run model.embert --file letters.txt --json > labels.jsonl
  embert run answers.embert --question \"Where does Ada live?\" \"Ada Lovelace lives in London.\"
  tail -f messages.log | embert run model.embert";

/// Read texts with a model and show what it says.
///
/// Texts come from the command line, a file, or stdin, one text a line there. Without a model, the
/// one shipped with embert takes them for commands, and finds what is asked for.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// The model, a blob made by `embert quantize`, if the first argument is a file or ends in
    /// ".embert"; then the texts; stdin is read where there are none
    #[arg(value_names = ["MODEL.embert", "TEXT"])]
    arguments: Vec<String>,
    /// Read texts from this file, one a line ("-" is stdin)
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// Ask this of every text, where the model answers questions; long texts are read in windows
    #[arg(long, short)]
    question: Option<String>,
    /// One line of JSON per text
    #[arg(long)]
    json: bool,
    /// Show the label of every token too, where the model labels tokens
    #[arg(long)]
    tokens: bool,
    /// Read no more than this many tokens of a text at once, [CLS] and [SEP] included; what is more
    /// is cut off where the model labels texts, and read in windows by others
    #[arg(long, value_name = "TOKENS")]
    limit: Option<usize>,
    /// Compute with this many threads; 0 for all processors
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Compute with this instruction set instead of the fastest; the result is the same
    #[arg(long, value_name = "SET")]
    kernels: Option<String>,
}

impl Run {
    pub fn run(self) -> Result<()> {
        let mut texts = self.arguments;
        // Whoever names a file that is no blob, or a checkpoint, is to be told so.
        let names_model = texts
            .first()
            .is_some_and(|first| first.ends_with(".embert") || Path::new(first).exists());
        let path = names_model.then(|| PathBuf::from(texts.remove(0)));
        let blob = Blob::open(path.as_deref())?;
        let model = blob.verified()?;
        let answers = model.shape().head == HeadKind::Spans;
        let question = self.question.as_deref();
        match question {
            None if answers => bail!("the model answers questions: ask one with --question"),
            Some(_) if !answers => bail!("--question: the model answers no questions"),
            _ => {}
        }
        let limit = self
            .limit
            .unwrap_or(usize::MAX)
            .min(model.shape().positions);
        // Zeros that nothing writes to cost no memory, so this may be for the longest text.
        let threads = (self.threads != 1)
            .then(|| Threads::start(self.threads))
            .transpose()
            .context("--threads")?;
        let settings = EngineOptions {
            set: self
                .kernels
                .as_deref()
                .map_or_else(|| Ok(InstructionSet::detect()), named)?,
            tile: TILE,
            workers: threads.as_ref().map_or(Workers::ONE, Threads::workers),
        };
        let mut scratch = AlignedBytes::zeroed(settings.plan(model.shape(), limit).bytes());
        let mut engine =
            Engine::with(&model, &mut scratch, settings).context("--limit is too small")?;

        let colours = Colours::of_stdout();
        let mut out = io::stdout().lock();
        for (index, text) in Texts::open(texts, self.file)?.enumerate() {
            let text = text?;
            let mut read = || match question {
                Some(question) => ask(&mut engine, question, &text),
                None => Ok(Report::read(&mut engine, &text, self.tokens)?),
            };
            let report = match &threads {
                Some(threads) => threads.run(read)?,
                None => read()?,
            };
            if self.json {
                write_json(&report, &mut out)?;
            } else {
                if index > 0 {
                    writeln!(out)?;
                }
                write_text(&report, colours, &mut out)?;
            }
            out.flush()?;
        }
        Ok(())
    }
}

/// The answer by all windows of a text.
fn ask(engine: &mut Engine<'_, '_>, question: &str, text: &str) -> Result<Report> {
    let (tokenizer, limit) = (*engine.model().tokenizer(), engine.plan().tokens);
    let windows = QuestionWindows::new(&tokenizer, question, text, limit, STRIDE)?;
    ensure!(
        windows.question == question,
        "--question: too long; the model reads no more of it than {:?}",
        windows.question
    );
    let (mut tokens, mut all) = (0, None);
    for window in &windows.parts {
        let reading = engine.run_pair(question, part(text, window))?;
        tokens += reading.tokens.len();
        if let Output::Answer { span, null_score } = reading.output {
            let found = BestAnswer { span, null_score }.shifted(window.start);
            all = Some(all.map_or(found, |all: BestAnswer| all.or(found)));
        }
    }
    let found = all.context("the model answers no questions")?;
    Ok(Report::of_windows(question, text, tokens, found))
}

fn named(name: &str) -> Result<InstructionSet> {
    InstructionSet::named(name).with_context(|| {
        let sets: Vec<&str> = InstructionSet::available().map(|set| set.name()).collect();
        format!(
            "--kernels: this machine has no {name}, only {}",
            sets.join(", ")
        )
    })
}
