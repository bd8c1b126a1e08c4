//! Real checkpoints, which are too large for the repository: `tests/golden/checkpoints.sh` gathers
//! them in a folder.

use std::path::{Path, PathBuf};

/// The folder of a real checkpoint, or `None`, said on stderr, where it is not at hand: looked for
/// under `$EMBERT_CHECKPOINTS`, or `checkpoints/` in the repository.
pub fn find(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("EMBERT_CHECKPOINTS")
        .map_or_else(|| repository().join("checkpoints"), PathBuf::from);
    let checkpoint = folder.join(name);
    if checkpoint.exists() {
        return Some(checkpoint);
    }
    eprintln!(
        "skipped: {} is not there; tests/golden/checkpoints.sh gets it",
        checkpoint.display()
    );
    None
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
