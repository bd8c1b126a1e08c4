//! Which columns of a table, or fields of a JSON object, hold what.

use super::{DataError, LabelledText, SourceLine};

/// Where the texts and labels are. What is left open is found by the usual names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub text: Option<Column>,
    /// The second text. Left open, there is one if `text` is left open too and the names are
    /// those of a known pair, as `premise` and `hypothesis`.
    pub pair: Option<Column>,
    pub label: Option<Column>,
    /// What stands between the labels of a text, if the task is a multi-label one.
    pub separator: Option<char>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// As the header has it, in upper or lower case.
    Name(String),
    /// Counted from 1.
    Number(usize),
}

/// Digits are a number, all else is a name.
impl From<&str> for Column {
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(number) => Column::Number(number),
            Err(_) => Column::Name(text.to_owned()),
        }
    }
}

const TEXTS: &[&str] = &[
    "text",
    "sentence",
    "content",
    "sms",
    "message",
    "utterance",
    "query",
];

const PAIRS: &[[&str; 2]] = &[
    ["sentence1", "sentence2"],
    ["premise", "hypothesis"],
    ["question1", "question2"],
    ["question", "sentence"],
    ["question", "passage"],
    ["question", "answer"],
    ["text", "text_pair"],
    ["text1", "text2"],
];

/// `label_text` is first: beside it, `label` is its number.
const LABELS: &[&str] = &[
    "label_text",
    "label",
    "labels",
    "gold_label",
    "category",
    "class",
    "intent",
    "sentiment",
];

/// [`Columns`] of a certain file, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub text: usize,
    pub pair: Option<usize>,
    pub label: usize,
    /// Whether the first row is names and not data.
    pub header: bool,
}

impl Columns {
    /// Finds the columns by the first row; the error is what is wrong with it.
    ///
    /// It is a header if a column is asked for by name, or it has usual names for both a text and
    /// the label.
    pub(super) fn find(&self, first: &[&str]) -> Result<Found, String> {
        let guesses = (guess_texts(first), guess(first, LABELS));
        let asked = [&self.text, &self.pair, &self.label];
        let by_name = |column: &&Option<Column>| matches!(column, Some(Column::Name(_)));
        let header = asked.iter().any(by_name) || matches!(guesses, (Some(_), Some(_)));
        let place = |column: &Option<Column>, guess: Option<usize>, what: &str| match column {
            Some(Column::Name(name)) => position(first, name)
                .ok_or_else(|| format!("there is no column {name:?}, only {}", list(first))),
            Some(Column::Number(number @ 1..)) if *number <= first.len() => Ok(number - 1),
            Some(Column::Number(number)) => Err(format!(
                "there is no column {number}; columns are 1 to {}",
                first.len()
            )),
            None => guess.filter(|_| header).ok_or_else(|| {
                format!(
                    "cannot tell which column holds the {what}; say its name or number (the \
                     first row is {})",
                    list(first)
                )
            }),
        };
        let text = place(&self.text, guesses.0.map(|(text, _)| text), "text")?;
        let pair = match (&self.text, &self.pair) {
            (_, Some(_)) => Some(place(&self.pair, None, "second text")?),
            (None, None) => guesses.0.and_then(|(_, pair)| pair),
            (Some(_), None) => None,
        };
        let label = place(&self.label, guesses.1, "label")?;
        Ok(Found {
            text,
            pair,
            label,
            header,
        })
    }

    /// The labels in a cell: one, or what is between the separators if there is one.
    pub(super) fn labels(&self, cell: &str) -> Vec<String> {
        let names: Vec<&str> = match self.separator {
            Some(separator) => cell.split(separator).collect(),
            None => vec![cell],
        };
        let names = names.into_iter().map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

impl LabelledText {
    /// The row as it is, if its texts say something.
    pub(super) fn checked(self) -> Result<Self, DataError> {
        for text in [Some(&self.text), self.pair.as_ref()].into_iter().flatten() {
            if text.trim().is_empty() {
                return Err(self.at.malformed("the text is empty; leave the row out"));
            }
        }
        Ok(self)
    }
}

/// Labels that must be one.
pub(super) fn one(labels: Vec<String>, at: &SourceLine) -> Result<Vec<String>, DataError> {
    match labels.is_empty() {
        true => Err(at.malformed("the label is empty; leave the row out")),
        false => Ok(labels),
    }
}

fn position(names: &[&str], name: &str) -> Option<usize> {
    let same = |other: &&str| other.trim().to_lowercase() == name.to_lowercase();
    names.iter().position(same)
}

fn guess(names: &[&str], usual: &[&str]) -> Option<usize> {
    usual.iter().find_map(|name| position(names, name))
}

fn guess_texts(names: &[&str]) -> Option<(usize, Option<usize>)> {
    let pair = PAIRS.iter().find_map(|[first, second]| {
        let second = position(names, second)?;
        Some((position(names, first)?, Some(second)))
    });
    pair.or_else(|| Some((guess(names, TEXTS)?, None)))
}

fn list(cells: &[&str]) -> String {
    let quoted: Vec<String> = cells.iter().map(|cell| format!("{cell:?}")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: usize, pair: Option<usize>, label: usize, header: bool) -> Found {
        Found {
            text,
            pair,
            label,
            header,
        }
    }

    #[test]
    fn usual_names_are_found() {
        for (header, expected) in [
            (&["label", "content"][..], found(1, None, 0, true)),
            (&["Label", "SMS"], found(1, None, 0, true)),
            (&["text", "category"], found(0, None, 1, true)),
            (
                &["id", "label", "text", "label_text"],
                found(2, None, 3, true),
            ),
            (
                &["idx", "premise", "hypothesis", "label"],
                found(1, Some(2), 3, true),
            ),
            (
                &["question", "sentence", "label"],
                found(0, Some(1), 2, true),
            ),
        ] {
            assert_eq!(Columns::default().find(header), Ok(expected));
        }
    }

    #[test]
    fn columns_can_be_named_or_numbered() {
        let columns = |text: &str, label: &str| Columns {
            text: Some(text.into()),
            label: Some(label.into()),
            ..Columns::default()
        };
        let goemotions = ["Is this it?", "27", "edgurhb"];
        let expected = Ok(found(0, None, 1, false));
        assert_eq!(columns("1", "2").find(&goemotions), expected);
        let header = ["premise", "hypothesis", "mood"];
        let expected = Ok(found(1, None, 2, true));
        assert_eq!(columns("hypothesis", "Mood").find(&header), expected);
        // Numbers do not hide a header that has the usual names.
        let expected = Ok(found(1, None, 0, true));
        assert_eq!(columns("2", "1").find(&["label", "text"]), expected);
    }

    #[test]
    fn what_cannot_be_found_is_said() {
        let error = Columns::default().find(&["ham", "Go"]).unwrap_err();
        assert!(
            error.starts_with("cannot tell which column holds the text"),
            "{error}"
        );
        assert!(
            error.ends_with("(the first row is \"ham\", \"Go\")"),
            "{error}"
        );
        let columns = |label: &str| Columns {
            label: Some(label.into()),
            ..Columns::default()
        };
        let error = columns("mood").find(&["text", "label"]).unwrap_err();
        assert_eq!(
            error,
            "there is no column \"mood\", only \"text\", \"label\""
        );
        for number in ["0", "3"] {
            let error = columns(number).find(&["text", "label"]).unwrap_err();
            assert_eq!(
                error,
                format!("there is no column {number}; columns are 1 to 2")
            );
        }
    }
}
