//! Tests that lack their data say so: a skipped test looks like one that passed.

use std::fs::OpenOptions;
use std::io::Write;

/// Names the file that collects a line for each test that was not run. `cargo xtask test` sets it
/// and prints the lines at its end.
pub const FILE: &str = "EMBERT_NOT_RUN";

/// Records that the current test, or a part of it, is not run for the reason `why`.
///
/// # Panics
/// If the file that `EMBERT_NOT_RUN` names cannot be written.
pub fn record(why: &str) {
    let thread = std::thread::current();
    let line = format!("{}: {why}\n", thread.name().unwrap_or("a test"));
    // Written to stderr itself: libtest hides what `eprintln!` prints in a test that passes.
    let _ = write!(std::io::stderr(), "not run: {line}");
    if let Some(path) = std::env::var_os(FILE) {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.expect("the file that EMBERT_NOT_RUN names");
    }
}
