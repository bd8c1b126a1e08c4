//! JSON lines: an object a line, with the names that tables have too.

use std::path::Path;

use serde_json::{Map, Value};

use super::columns::{self, Column};
use super::{Columns, DataError, LabelledText, SourceLine, lines};

/// The fields that hold the text, the second one and the labels.
struct Fields {
    text: String,
    pair: Option<String>,
    label: String,
}

/// Reads a file of objects, of which the first decides which fields are read.
pub(super) fn read(path: &Path, columns: &Columns) -> Result<Vec<LabelledText>, DataError> {
    let mut fields = None;
    let mut rows = Vec::new();
    for (at, line) in lines::lines(path)? {
        if line.trim().is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(&line).map_err(|error| {
            at.malformed(format!(
                "not a JSON object: {error}; every line must be one"
            ))
        })?;
        let fields = match &fields {
            Some(fields) => fields,
            None => fields.insert(find(&object, columns).map_err(|reason| at.malformed(reason))?),
        };
        let pair = fields.pair.as_ref();
        let row = LabelledText {
            text: text(&object, &fields.text, &at)?,
            pair: pair.map(|pair| text(&object, pair, &at)).transpose()?,
            labels: labels(&object, &fields.label, columns, &at)?,
            at,
        };
        rows.push(row.checked()?);
    }
    Ok(rows)
}

fn find(object: &Map<String, Value>, columns: &Columns) -> Result<Fields, String> {
    for column in [&columns.text, &columns.pair, &columns.label] {
        if let Some(Column::Number(number)) = column {
            return Err(format!(
                "JSON has no column {number}; give the field's name"
            ));
        }
    }
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let found = columns.find(&names)?;
    let name = |index: usize| names[index].to_owned();
    Ok(Fields {
        text: name(found.text),
        pair: found.pair.map(name),
        label: name(found.label),
    })
}

fn value<'a>(
    object: &'a Map<String, Value>,
    name: &str,
    at: &SourceLine,
) -> Result<&'a Value, DataError> {
    let missing = || at.malformed(format!("there is no {name:?}; add it or remove the line"));
    object.get(name).ok_or_else(missing)
}

fn text(object: &Map<String, Value>, name: &str, at: &SourceLine) -> Result<String, DataError> {
    match value(object, name, at)? {
        Value::String(text) => Ok(text.clone()),
        other => Err(at.malformed(format!("{name:?} is {other}; it must be a string"))),
    }
}

/// A string, an integer, or a list of these.
fn labels(
    object: &Map<String, Value>,
    name: &str,
    columns: &Columns,
    at: &SourceLine,
) -> Result<Vec<String>, DataError> {
    let label = |value: &Value| match value {
        Value::String(label) => Ok(label.trim().to_owned()),
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        other => Err(at.malformed(format!(
            "{name:?} is {other}; a label must be a string or an integer"
        ))),
    };
    match value(object, name, at)? {
        Value::Array(values) => values.iter().map(label).collect(),
        Value::String(cell) if columns.separator.is_some() => Ok(columns.labels(cell)),
        other => columns::one(columns.labels(&label(other)?), at),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::{file, message};
    use super::*;

    #[test]
    fn labels_are_strings_numbers_or_lists() {
        let (_folder, path) = file(
            "a.jsonl",
            r#"{"id": "1", "text": "a\tb", "label": "x"}

{"label": 3, "text": "ü"}
{"label": ["x", 3], "text": "c"}
{"label": [], "text": "d"}
"#,
        );
        let rows = read(&path, &Columns::default()).unwrap();
        let labels: Vec<&[String]> = rows.iter().map(|row| &row.labels[..]).collect();
        let expected: [&[&str]; 4] = [&["x"], &["3"], &["x", "3"], &[]];
        assert_eq!(labels, expected);
        assert_eq!((rows[0].text.as_str(), rows[1].at.line), ("a\tb", 3));
    }

    #[test]
    fn fields_can_be_named() {
        let (_folder, path) = file("a.jsonl", r#"{"a": "x", "b": "y", "mood": "good;new"}"#);
        let columns = Columns {
            text: Some("a".into()),
            pair: Some("b".into()),
            label: Some("mood".into()),
            separator: Some(';'),
        };
        let rows = read(&path, &columns).unwrap();
        assert_eq!(
            (rows[0].text.as_str(), rows[0].pair.as_deref()),
            ("x", Some("y"))
        );
        assert_eq!(rows[0].labels, ["good", "new"]);
    }

    #[test]
    fn corrupt_lines_are_errors_that_say_where() {
        for (content, expected) in [
            ("{", "a.jsonl, line 1: not a JSON object: EOF while"),
            ("[1]", "a.jsonl, line 1: not a JSON object: invalid type"),
            (
                "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"a\"}",
                "a.jsonl, line 2: there is no \"label\"; add it or remove the line",
            ),
            (
                r#"{"text": 1, "label": 1}"#,
                "a.jsonl, line 1: \"text\" is 1; it must be a string",
            ),
            (
                r#"{"text": "a", "label": 0.5}"#,
                "a.jsonl, line 1: \"label\" is 0.5; a label must be a string or an integer",
            ),
            (
                r#"{"text": "a", "label": " "}"#,
                "a.jsonl, line 1: the label is empty; leave the row out",
            ),
        ] {
            let (folder, path) = file("a.jsonl", content);
            let error = message(read(&path, &Columns::default()), &folder);
            assert!(error.starts_with(expected), "{error}");
        }
        let (folder, path) = file("a.jsonl", r#"{"text": "a", "label": 1}"#);
        let columns = Columns {
            text: Some("1".into()),
            ..Columns::default()
        };
        let expected = "a.jsonl, line 1: JSON has no column 1; give the field's name";
        assert_eq!(message(read(&path, &columns), &folder), expected);
    }
}
