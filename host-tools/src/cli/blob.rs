//! Blobs from files.

use std::path::Path;

use anyhow::{Context, Result, bail};
use embert::Model;
use embert_cli::mapped::MappedFile;

/// Maps a blob into memory; [`parse`] it next.
pub fn open(path: &Path) -> Result<MappedFile> {
    if path.is_dir() {
        bail!(
            "{0} is a folder: make a blob of the checkpoint in it first, with `embert quantize {0} -o model.embert`",
            path.display()
        );
    }
    MappedFile::open(path).with_context(|| format!("cannot open {}", path.display()))
}

pub fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<Model<'a>> {
    Model::parse(bytes).with_context(|| {
        format!(
            "{} cannot be used; `embert quantize` makes blobs from checkpoints",
            path.display()
        )
    })
}
