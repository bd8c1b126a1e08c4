//! Data sets, read from the formats that they are published in.
//!
//! Text classification comes as TSV, CSV, JSON lines or a folder of parallel files, token
//! classification as CoNLL columns or such a folder, questions as SQuAD's JSON, and texts for
//! pre-training as plain files. What a reader returns still has the names of its labels; the
//! [`Labels`] of the training file then number the rows of every file.

mod columns;
mod conll;
mod documents;
mod error;
mod held_out;
mod iob;
mod json_lines;
mod labels;
mod lines;
mod parallel;
mod rows;
mod squad;
mod table;

use std::path::Path;

pub use columns::{Column, Columns};
pub use documents::{Boundary, Document, documents};
pub use error::{DataError, SourceLine};
pub use held_out::HeldOut;
pub use iob::Tag;
pub use labels::Labels;
pub use lines::texts;
pub use rows::{Classified, LabelledText, LabelledWords, Tagged};
pub use squad::{Answer, Question, questions};

/// The rows of a data set for text classification: JSON lines if the file is named `.jsonl` or
/// `.json`, a folder with `seq.in` and `label`, or else a table in TSV or CSV.
///
/// # Errors
/// [`DataError`] for what cannot be read or understood, or holds no rows.
pub fn labelled_texts(path: &Path, columns: &Columns) -> Result<Vec<LabelledText>, DataError> {
    let rows = match extension(path).as_str() {
        _ if path.is_dir() => parallel::texts(path)?,
        "jsonl" | "json" => json_lines::read(path, columns)?,
        _ => table::read(path, columns)?,
    };
    some(rows, path)
}

/// The rows of a data set for token classification, with an intent each if the path is a folder
/// with `seq.in`, `seq.out` and `label`, and without if it is a file of CoNLL columns.
///
/// Their tags are IOB2, whatever they were. Entities of the types `ignored` are made `O`.
///
/// # Errors
/// [`DataError`] for what cannot be read or understood, or holds no rows.
pub fn labelled_words(path: &Path, ignored: &[String]) -> Result<Vec<LabelledWords>, DataError> {
    let rows = if path.is_dir() {
        parallel::words(path, ignored)?
    } else {
        conll::read(path, ignored)?
    };
    some(rows, path)
}

/// In lower case, without the dot.
fn extension(path: &Path) -> String {
    let extension = path.extension().unwrap_or_default();
    extension.to_string_lossy().to_lowercase()
}

fn some<T>(rows: Vec<T>, path: &Path) -> Result<Vec<T>, DataError> {
    match rows.is_empty() {
        true => Err(DataError::Empty { path: path.into() }),
        false => Ok(rows),
    }
}
