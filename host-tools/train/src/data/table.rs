//! Tables in TSV and CSV.

use std::{path::Path, sync::Arc};

use csv::{ByteRecord, ReaderBuilder};

use super::{Columns, DataError, LabelledText, SourceLine, columns, extension, lines};

/// Reads a table that has its texts and labels in the given columns.
///
/// Columns are parted by tabs, in which case quotes are characters like others, as in GLUE; or
/// else by commas, and quoted as RFC 4180 has it.
pub(super) fn read(path: &Path, columns: &Columns) -> Result<Vec<LabelledText>, DataError> {
    let bytes = lines::bytes(path)?;
    let first_line = bytes.split(|&byte| byte == b'\n').next();
    let tabs = extension(path) != "csv" && first_line.is_some_and(|line| line.contains(&b'\t'));
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(if tabs { b'\t' } else { b',' })
        .quoting(!tabs)
        .from_reader(&bytes[..]);
    let mut places = Places::new(path, &bytes);
    let mut record = ByteRecord::new();
    let mut found = None;
    let mut rows = Vec::new();
    loop {
        let start = reader.position().byte() as usize;
        let more = reader.read_byte_record(&mut record);
        let at = places.of(start);
        if !more.map_err(|error| at.malformed(error.to_string()))? {
            return Ok(rows);
        }
        // A quote that nothing closes takes in the rest of the file.
        let row = &bytes[start..];
        if !tabs
            && reader.position().byte() as usize == bytes.len()
            && row.iter().filter(|&&byte| byte == b'"').count() % 2 == 1
        {
            return Err(at.malformed("a quote is not closed; close it, or double it in the text"));
        }
        let cells = record.iter().map(|cell| lines::text(cell, &at));
        let cells: Vec<&str> = cells.collect::<Result<_, _>>()?;
        let (found, width) = match found {
            Some(found) => found,
            None => {
                let first = columns
                    .find(&cells)
                    .map_err(|reason| at.malformed(reason))?;
                found = Some((first, cells.len()));
                if first.header {
                    continue;
                }
                (first, cells.len())
            }
        };
        if cells.len() != width {
            return Err(at.malformed(format!(
                "the row has {} columns, the first one {width}; correct or remove it",
                cells.len()
            )));
        }
        let mut labels = columns.labels(cells[found.label]);
        if columns.separator.is_none() {
            labels = columns::one(labels, &at)?;
        }
        let row = LabelledText {
            text: cells[found.text].to_owned(),
            pair: found.pair.map(|pair| cells[pair].to_owned()),
            labels,
            at,
        };
        rows.push(row.checked()?);
    }
}

/// The lines that rows begin in, asked for from the first to the last.
struct Places<'a> {
    path: Arc<Path>,
    bytes: &'a [u8],
    /// Up to where lines have been counted, and how many.
    counted: usize,
    line: usize,
}

impl<'a> Places<'a> {
    fn new(path: &Path, bytes: &'a [u8]) -> Self {
        Self {
            path: path.into(),
            bytes,
            counted: 0,
            line: 1,
        }
    }

    /// Of the row that begins there, after the ends of lines that are left of what is before it.
    fn of(&mut self, start: usize) -> SourceLine {
        let is_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        let start = start + self.bytes[start..].iter().take_while(is_end).count();
        let passed = &self.bytes[self.counted..start];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.counted = start;
        SourceLine {
            path: Arc::clone(&self.path),
            line: self.line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::{file, message};
    use super::*;

    fn rows(name: &str, content: &str, columns: &Columns) -> Vec<(usize, String, Vec<String>)> {
        let (_folder, path) = file(name, content);
        let rows = read(&path, columns).unwrap().into_iter();
        rows.map(|row| (row.at.line, row.text, row.labels))
            .collect()
    }

    fn row(line: usize, text: &str, labels: &[&str]) -> (usize, String, Vec<String>) {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        (line, text.to_owned(), labels)
    }

    #[test]
    fn tsv_has_no_quotes() {
        let content = "label\tsentence\r\n0\tsaid \"no\r\n\r\n1\t\"yes\" \r\n";
        let expected = [row(2, "said \"no", &["0"]), row(4, "\"yes\" ", &["1"])];
        assert_eq!(rows("a.tsv", content, &Columns::default()), expected);
    }

    #[test]
    fn csv_has_quotes_and_texts_of_several_lines() {
        let content = "text,category\r\n\"a, \"\"b\"\"\nc\",x\r\nd,y\r\n";
        let expected = [row(2, "a, \"b\"\nc", &["x"]), row(4, "d", &["y"])];
        assert_eq!(rows("a.csv", content, &Columns::default()), expected);
    }

    #[test]
    fn tables_without_a_header_have_numbered_columns() {
        let columns = Columns {
            text: Some("1".into()),
            label: Some("2".into()),
            separator: Some(','),
            ..Columns::default()
        };
        let content = "one\t4,27\tee84\ntwo\t\tee85\n";
        let expected = [row(1, "one", &["4", "27"]), row(2, "two", &[])];
        assert_eq!(rows("a.tsv", content, &columns), expected);
    }

    #[test]
    fn pairs_are_found_by_their_names() {
        let (_folder, path) = file("a.tsv", "premise\thypothesis\tlabel\na\tb\tneutral\n");
        let rows = read(&path, &Columns::default()).unwrap();
        assert_eq!(
            (rows[0].text.as_str(), rows[0].pair.as_deref()),
            ("a", Some("b"))
        );
    }

    #[test]
    fn corrupt_rows_are_errors_that_say_where() {
        for (name, content, expected) in [
            (
                "a.tsv",
                &b"label\ttext\n1\tx\n1\n"[..],
                "a.tsv, line 3: the row has 1 columns, the first one 2; correct or remove it",
            ),
            (
                "a.tsv",
                b"label\ttext\n1\t \n",
                "a.tsv, line 2: the text is empty; leave the row out",
            ),
            (
                "a.csv",
                b"label,text\r\n1,x\r\n,x\r\n",
                "a.csv, line 3: the label is empty; leave the row out",
            ),
            (
                "a.csv",
                b"label,text\n1,\xff\n",
                "a.csv, line 2 is not UTF-8; convert the file with iconv",
            ),
            (
                "a.csv",
                b"label,text\n1,x\n1,\"y\n1,z\n",
                "a.csv, line 3: a quote is not closed; close it, or double it in the text",
            ),
            (
                "a.tsv",
                b"1\tx\n",
                "a.tsv, line 1: cannot tell which column holds the text; say its name or number \
                 (the first row is \"1\", \"x\")",
            ),
        ] {
            let (folder, path) = file(name, content);
            assert_eq!(message(read(&path, &Columns::default()), &folder), expected);
        }
    }
}
