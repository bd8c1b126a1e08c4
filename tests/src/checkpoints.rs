//! Real checkpoints and corpora, which are too large for the repository.

use std::path::{Path, PathBuf};

use crate::not_run;

/// The folder of a real checkpoint under `$EMBERT_CHECKPOINTS`, or `checkpoints/` in the repository,
/// where `tests/golden/checkpoints.sh` puts them. If it is missing, records that the test is not
/// run.
pub fn find(name: &str) -> Option<PathBuf> {
    let checkpoint = folder().join(name);
    present(checkpoint, "tests/golden/checkpoints.sh gets it")
}

/// The folder of checkpoints.
pub fn folder() -> PathBuf {
    std::env::var_os("EMBERT_CHECKPOINTS")
        .map_or_else(|| repository().join("checkpoints"), PathBuf::from)
}

/// A file or folder of corpora under `$EMBERT_SHARED/datasets`, or `../shared/datasets` beside the
/// repository. If it is missing, records that the test is not run.
pub fn dataset(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("EMBERT_SHARED")
        .map_or_else(|| repository().join("../shared"), PathBuf::from);
    present(shared.join("datasets").join(name), "set EMBERT_SHARED")
}

fn present(path: PathBuf, remedy: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    not_run::record(&format!("{} is missing; {remedy}", path.display()));
    None
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
