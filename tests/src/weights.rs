//! The blobs in `weights/`, each in a folder with its card, its recipe and texts to try.

use crate::checkpoints;
use std::path::PathBuf;
use std::{fs, io};

/// The folders, sorted by name.
///
/// # Errors
/// When `weights/` cannot be read.
pub fn folders() -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(checkpoints::repository().join("weights"))?;
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut folders = paths?;
    folders.retain(|path| path.join("model.embert").exists());
    folders.sort();
    Ok(folders)
}
