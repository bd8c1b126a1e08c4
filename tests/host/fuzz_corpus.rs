//! The fuzz targets over their committed corpus, and over simple changes of it.
//!
//! To fuzz on: `cargo install cargo-fuzz`, then in `tests/fuzz`
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run engine` (or `blob`, or `tokenizer`).

use embert_tests::{blobs::TOKENS, fuzz};
use std::{fs, io, path::PathBuf};

fn corpus(target: &str) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus")).join(target);
    let files = fs::read_dir(folder)?.map(|entry| {
        let path = entry?.path();
        let bytes = fs::read(&path)?;
        Ok((path, bytes))
    });
    files.collect()
}

/// Runs a target over its corpus; names the file it stumbles over.
fn replay(target: &str, body: impl Fn(&[u8]) + std::panic::RefUnwindSafe) -> io::Result<()> {
    let corpus = corpus(target)?;
    assert!(corpus.len() >= 10, "the corpus of {target} is gone");
    for (path, bytes) in corpus {
        let outcome = std::panic::catch_unwind(|| body(&bytes));
        assert!(outcome.is_ok(), "{} fails", path.display());
    }
    Ok(())
}

#[test]
fn blob() -> io::Result<()> {
    fuzz::blob(TOKENS.bytes);
    replay("blob", fuzz::blob)
}

#[test]
fn tokenizer() -> io::Result<()> {
    replay("tokenizer", fuzz::tokenizer)
}

#[test]
fn engine() -> io::Result<()> {
    replay("engine", fuzz::engine)
}
