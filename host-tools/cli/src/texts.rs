//! Texts from the command line, a file or stdin, one text a line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// An iterator of texts, so that lines from stdin are answered as they arrive.
///
/// Invalid UTF-8 is replaced by U+FFFD with a warning on stderr, unless texts are read strictly.
pub struct Texts {
    source: String,
    strict: bool,
    lines: Box<dyn Iterator<Item = io::Result<Vec<u8>>>>,
    number: usize,
}

impl Texts {
    /// The texts given as arguments if there are any, else the lines of `file`, else those of
    /// stdin. A file named `-` is stdin too.
    pub fn open(arguments: Vec<String>, file: Option<PathBuf>) -> Result<Self> {
        match file {
            Some(_) if !arguments.is_empty() => {
                bail!("give texts as arguments or with --file, not both")
            }
            Some(file) if file != Path::new("-") => Self::from_file(&file),
            None if !arguments.is_empty() => Ok(Self {
                source: "the arguments".into(),
                strict: false,
                lines: Box::new(arguments.into_iter().map(|text| Ok(text.into_bytes()))),
                number: 0,
            }),
            _ => Ok(Self {
                source: "stdin".into(),
                strict: false,
                lines: Box::new(io::stdin().lock().split(b'\n')),
                number: 0,
            }),
        }
    }

    pub fn from_file(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self {
            source: path.display().to_string(),
            strict: false,
            lines: Box::new(BufReader::new(file).split(b'\n')),
            number: 0,
        })
    }

    /// Makes invalid UTF-8 an error instead of a warning.
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// A line as text, without its carriage return.
    fn decode(&self, mut line: Vec<u8>) -> Result<String> {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        match String::from_utf8(line) {
            Ok(text) => Ok(text),
            Err(_) if self.strict => bail!("is not UTF-8; convert it with iconv"),
            Err(error) => {
                eprintln!(
                    "warning: line {} of {} is not UTF-8: its invalid bytes are read as U+FFFD",
                    self.number, self.source
                );
                Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
            }
        }
    }
}

/// The non-empty lines of a file; an error if there are none.
pub fn lines(path: &Path) -> Result<Vec<String>> {
    let mut texts = Texts::from_file(path)?
        .strict(true)
        .collect::<Result<Vec<String>>>()?;
    texts.retain(|text| !text.trim().is_empty());
    anyhow::ensure!(!texts.is_empty(), "{} has no texts", path.display());
    Ok(texts)
}

/// The non-empty lines of several files.
pub fn lines_of_all(paths: &[PathBuf]) -> Result<Vec<String>> {
    let files: Result<Vec<Vec<String>>> = paths.iter().map(|path| lines(path)).collect();
    Ok(files?.concat())
}

impl Iterator for Texts {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Result<String>> {
        let line = self.lines.next()?;
        self.number += 1;
        let text = line
            .map_err(anyhow::Error::from)
            .and_then(|line| self.decode(line))
            .with_context(|| format!("line {} of {}", self.number, self.source));
        Some(text)
    }
}
