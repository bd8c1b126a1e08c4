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

/// Run a model on texts and show its predictions.
///
/// Texts come from the command line, from a file or from stdin, one text a line. Without a model,
/// the built-in one classifies them as commands and finds their slots.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// Model and texts: the first argument is the blob if it is a file or ends in ".embert". Without
    /// texts, stdin is read
    #[arg(value_names = ["MODEL.embert", "TEXT"])]
    arguments: Vec<String>,
    /// File of texts, one a line ("-" is stdin)
    #[arg(long, short)]
    file: Option<PathBuf>,
    /// Question to answer from each text, for question-answering models. Long texts are read in windows
    #[arg(long, short)]
    question: Option<String>,
    /// Print one JSON object a line for each text
    #[arg(long)]
    json: bool,
    /// Also print the label of each token, for token-classification models
    #[arg(long)]
    tokens: bool,
    /// Most tokens of a pass, [CLS] and [SEP] included. Sequence classification truncates longer
    /// texts; other models read them in windows. Default: the model's positions
    #[arg(long, value_name = "TOKENS")]
    limit: Option<usize>,
    /// Stop at a text that is not UTF-8, instead of reading its invalid bytes as U+FFFD with a warning
    #[arg(long)]
    strict: bool,
    /// Number of threads, at most one per processor; 0 for one per processor
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Kernels to use instead of the fastest, for example scalar. Results do not depend on it
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
        // Untouched zero pages cost no memory, so the scratch is sized for the longest text.
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
        for (index, text) in Texts::open(texts, self.file)?
            .strict(self.strict)
            .enumerate()
        {
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

/// The best answer over all windows of a text.
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
