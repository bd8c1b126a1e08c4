//! Texts for pre-training: documents of sentences that follow each other.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{DataError, extension, lines, some};

/// Sentences in order, none empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    pub sentences: Vec<String>,
}

/// Where a document ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// At the end of a file, as of a book. Its lines may be wrapped: a paragraph ends at a blank line.
    File,
    /// At every blank line, as BERT's own corpus has it. A line ends a sentence.
    BlankLine,
}

/// Reads documents from files, and from all `.txt` files in folders and theirs, by name.
///
/// # Errors
/// When something cannot be read, is not UTF-8, or has no documents.
pub fn documents(paths: &[PathBuf], boundary: Boundary) -> Result<Vec<Document>, DataError> {
    let mut documents = Vec::new();
    for path in paths {
        let before = documents.len();
        for file in files(path)? {
            read(&file, boundary, &mut documents)?;
        }
        some(documents[before..].iter().collect(), path)?;
    }
    Ok(documents)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).and_then(|entries| {
        let paths = entries.map(|entry| Ok(entry?.path()));
        paths.collect::<io::Result<Vec<PathBuf>>>()
    });
    let mut entries = entries.map_err(|source| DataError::Io {
        path: path.into(),
        source,
    })?;
    entries.retain(|entry| entry.is_dir() || extension(entry) == "txt");
    entries.sort();
    let files: Result<Vec<Vec<PathBuf>>, DataError> =
        entries.iter().map(|entry| files(entry)).collect();
    Ok(files?.concat())
}

fn read(path: &Path, boundary: Boundary, documents: &mut Vec<Document>) -> Result<(), DataError> {
    let mut document = Document::default();
    let mut paragraph = String::new();
    for (_, line) in lines::lines(path)? {
        let line = line.trim();
        let ended = match boundary {
            Boundary::File => line.is_empty(),
            Boundary::BlankLine => true,
        };
        if ended {
            document.end(&mut paragraph);
        }
        if line.is_empty() && boundary == Boundary::BlankLine {
            documents.push(std::mem::take(&mut document));
        }
        if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(line);
    }
    document.end(&mut paragraph);
    documents.push(document);
    documents.retain(|document| !document.sentences.is_empty());
    Ok(())
}

impl Document {
    /// Takes the sentences of a paragraph, of which nothing is left.
    fn end(&mut self, paragraph: &mut String) {
        let sentences = sentences(paragraph).into_iter().map(str::to_owned);
        self.sentences.extend(sentences);
        paragraph.clear();
    }
}

/// Words after whose full stop a sentence goes on: titles before names mostly.
const ABBREVIATIONS: &[&str] = &[
    "Mr", "Mrs", "Ms", "Messrs", "Dr", "St", "Prof", "Rev", "Hon", "Gen", "Col", "Capt", "Lt",
    "Sgt", "Sen", "Gov", "Esq", "Mme", "Mlle", "No", "vs", "viz", "cf", "e.g", "i.e",
];

/// Splits a paragraph after `.`, `!`, `?` or `…` and the quotes and brackets that close with them,
/// where white space and no small letter follows.
fn sentences(paragraph: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut rest = paragraph.trim();
    let mut from = 0;
    while let Some(found) = rest[from..].find(['.', '!', '?', '…']) {
        let mark = from + found;
        let tail = &rest[mark..];
        let closing = |c: char| ".!?…\"'”’)]»".contains(c);
        let end = mark + (tail.len() - tail.trim_start_matches(closing).len());
        let next = rest[end..].trim_start();
        let parted = next.len() < rest.len() - end;
        let small = next.starts_with(char::is_lowercase);
        let abbreviated = rest[mark..end] == *"." && is_abbreviation(&rest[..mark]);
        if parted && !small && !abbreviated {
            sentences.push(&rest[..end]);
            rest = next;
            from = 0;
        } else {
            from = end;
        }
    }
    if !rest.is_empty() {
        sentences.push(rest);
    }
    sentences
}

/// Whether a text ends in an abbreviation or an initial, but for the full stop.
fn is_abbreviation(text: &str) -> bool {
    let word = text
        .rsplit(|c: char| c.is_whitespace() || "\"'“‘(-—".contains(c))
        .next();
    let word = word.unwrap_or_default();
    let mut letters = word.chars();
    // `I` ends sentences more often than it stands for a name.
    let initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    (initial && word != "I") || ABBREVIATIONS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::message;
    use super::*;

    #[test]
    fn sentences_end_at_marks_before_a_capital() {
        for (text, expected) in [
            ("One. Two!  Three?", &["One.", "Two!", "Three?"][..]),
            (
                "\"No!\" he said. \"Yes.\" So.",
                &["\"No!\" he said.", "\"Yes.\"", "So."],
            ),
            (
                "Mr. Smith met J. K. Jones. “So I.” Yes",
                &["Mr. Smith met J. K. Jones.", "“So I.”", "Yes"],
            ),
            (
                "Well... perhaps. 3.5 is 3.",
                &["Well... perhaps.", "3.5 is 3."],
            ),
            ("Wait… Now.", &["Wait…", "Now."]),
            ("...", &["..."]),
            (" \t", &[]),
        ] {
            assert_eq!(sentences(text), expected);
        }
    }

    #[test]
    fn documents_end_at_files_or_blank_lines() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/1.txt"), "One. Two.\r\n\r\nThree.\r\n").unwrap();
        fs::write(folder.path().join("b.txt"), "\nfour\n\n\n").unwrap();
        fs::write(folder.path().join("README"), "no text").unwrap();
        let read = |boundary| {
            let documents = documents(&[folder.path().into()], boundary).unwrap();
            documents
                .into_iter()
                .map(|document| document.sentences.join("|"))
                .collect::<Vec<_>>()
        };
        assert_eq!(read(Boundary::File), ["One.|Two.|Three.", "four"]);
        assert_eq!(read(Boundary::BlankLine), ["One.|Two.", "Three.", "four"]);
    }

    #[test]
    fn wrapped_lines_are_one_paragraph_where_files_are_documents() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.txt");
        let text = "CHAPTER I\r\n\r\n  It was the best of\r\ntimes, it was the\r\nworst. It was\r\n\t\r\nlong ago";
        fs::write(&path, text).unwrap();
        let read = |boundary| documents(std::slice::from_ref(&path), boundary).unwrap();
        let of = |document: &Document| document.sentences.join("|");
        let found = read(Boundary::File);
        let expected = "CHAPTER I|It was the best of times, it was the worst.|It was|long ago";
        assert_eq!(found.iter().map(of).collect::<Vec<_>>(), [expected]);
        let found = read(Boundary::BlankLine);
        let expected = [
            "CHAPTER I",
            "It was the best of|times, it was the|worst.|It was",
            "long ago",
        ];
        assert_eq!(found.iter().map(of).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_path_without_documents_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "\n").unwrap();
        let expected = "a.txt holds no examples; give a file that has some";
        let paths = [path.clone()];
        assert_eq!(
            message(documents(&paths, Boundary::File), &folder),
            expected
        );
        fs::write(&path, b"one\n\xfftwo\n").unwrap();
        let expected = "a.txt, line 2 is not UTF-8; convert the file with iconv";
        let paths = [folder.path().to_owned()];
        assert_eq!(
            message(documents(&paths, Boundary::File), &folder),
            expected
        );
    }
}
