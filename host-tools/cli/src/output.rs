//! Output files of the verbs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use embert_tools::files;
use indicatif::HumanCount;

/// [`files::write`] with the file's name in errors.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    files::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Refuses an output that would replace an input.
pub fn spare<'p>(output: &Path, inputs: impl IntoIterator<Item = &'p PathBuf>) -> Result<()> {
    match inputs
        .into_iter()
        .find(|input| files::overwrites(output, input))
    {
        Some(input) => bail!(
            "writing {} would overwrite the input {}: choose another output",
            output.display(),
            input.display()
        ),
        None => Ok(()),
    }
}

/// Writes a blob and, beside it, the vocabulary if it was pruned; prints the names.
pub fn write_blob(path: &Path, blob: &[u8], vocab_txt: Option<&str>) -> Result<()> {
    write(path, blob)?;
    let bytes = HumanCount(blob.len() as u64);
    eprintln!("wrote {}, {bytes} bytes", path.display());
    if let Some(text) = vocab_txt {
        let path = path.with_extension("vocab.txt");
        write(&path, text.as_bytes())?;
        eprintln!("wrote {}, the pruned vocabulary", path.display());
    }
    Ok(())
}
