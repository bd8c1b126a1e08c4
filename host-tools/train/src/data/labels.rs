//! The labels of a task: their names and their numbers.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use super::{DataError, LabelledText, LabelledWords, SourceLine, Tag, lines};

/// The labels that a model is trained for. A label's number is its place among them.
///
/// Those of a training file are sorted, numbers by value, not left in order of first appearance:
/// so a shuffled file gives the same model, and labels that are numbers already, from 0 without a
/// gap, keep them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Labels {
    /// The classes that occur among the rows of a training file.
    pub fn of_texts(rows: &[LabelledText]) -> Self {
        Self::sorted(rows.iter().flat_map(|row| &row.labels))
    }

    /// The intents that occur among the rows of a training file.
    pub fn of_intents(rows: &[LabelledWords]) -> Self {
        Self::sorted(rows.iter().flat_map(|row| &row.intent))
    }

    /// `O`, and for each type of entity that occurs among the rows of a training file `B-` and
    /// `I-`, whether it has both or not: longer entities than those of a small training file are
    /// no unknown labels.
    pub fn of_tags(rows: &[LabelledWords]) -> Self {
        let tags = rows.iter().flat_map(|row| &row.tags);
        let kinds: BTreeSet<&str> = tags.filter_map(|tag| Tag::parse(tag)?.kind()).collect();
        let pairs = kinds
            .iter()
            .flat_map(|kind| ["B-", "I-"].map(|prefix| prefix.to_owned() + kind));
        Self::in_order(["O".to_owned()].into_iter().chain(pairs).collect())
    }

    /// Labels in this order, of which no two are equal; the later of equal ones are left out.
    pub fn in_order(names: Vec<String>) -> Self {
        let mut labels = Self::default();
        for name in names {
            if !labels.numbers.contains_key(&name) {
                labels.numbers.insert(name.clone(), labels.names.len());
                labels.names.push(name);
            }
        }
        labels
    }

    /// Labels in the order of a file that names one a line.
    ///
    /// The data they belong to may have their numbers, counted from 0, in place of their names.
    ///
    /// # Errors
    /// When the file cannot be read, or has no names or one twice.
    pub fn from_file(path: &Path) -> Result<Self, DataError> {
        let mut labels = Self::default();
        for (at, line) in lines::lines(path)? {
            let name = line.trim();
            if name.is_empty() {
                continue;
            }
            let number = labels.names.len();
            if labels.numbers.insert(name.to_owned(), number).is_some() {
                return Err(at.malformed(format!("the label {name:?} is there twice; remove one")));
            }
            labels.names.push(name.to_owned());
        }
        if labels.is_empty() {
            return Err(DataError::Empty { path: path.into() });
        }
        for number in 0..labels.len() {
            labels.numbers.entry(number.to_string()).or_insert(number);
        }
        Ok(labels)
    }

    fn sorted<'a>(names: impl Iterator<Item = &'a String>) -> Self {
        let names: BTreeSet<&String> = names.collect();
        let mut names: Vec<String> = names.into_iter().cloned().collect();
        let values: Option<Vec<u64>> = names.iter().map(|name| name.parse().ok()).collect();
        if values.is_some() {
            names.sort_by_key(|name| name.parse::<u64>().ok());
        }
        Self::in_order(names)
    }

    /// The number of a label that is at that place.
    ///
    /// # Errors
    /// [`DataError::UnknownLabel`].
    pub fn number(&self, name: &str, at: &SourceLine) -> Result<usize, DataError> {
        let unknown = || DataError::UnknownLabel {
            at: at.clone(),
            label: name.to_owned(),
            known: self.len(),
        };
        self.numbers.get(name).copied().ok_or_else(unknown)
    }

    /// For each tag in IOB2 the one that goes on with its entity: for `B-X` the `I-X` behind it, for
    /// others themselves. None where an `I-` stands elsewhere: such tags cannot be decoded.
    pub fn continued(&self) -> Option<Vec<usize>> {
        let mut continued: Vec<usize> = (0..self.len()).collect();
        for (tag, name) in self.names.iter().enumerate() {
            if let Some(kind) = name.strip_prefix("I-") {
                let begin = tag.checked_sub(1)?;
                (self.names[begin].strip_prefix("B-")? == kind).then_some(())?;
                continued[begin] = tag;
            }
        }
        Some(continued)
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::{file, message};
    use super::*;

    fn at(line: usize) -> SourceLine {
        let path = Path::new("dev.tsv").into();
        SourceLine { path, line }
    }

    fn texts(labels: &[&str]) -> Vec<LabelledText> {
        let rows = labels.iter().map(|label| LabelledText {
            at: at(1),
            text: "a text".into(),
            pair: None,
            labels: vec![label.to_string()],
        });
        rows.collect()
    }

    #[test]
    fn labels_are_sorted_and_numbers_by_value() {
        let labels = Labels::of_texts(&texts(&["spam", "ham", "spam"]));
        assert_eq!(labels.names(), ["ham", "spam"]);
        let labels = Labels::of_texts(&texts(&["10", "9", "0"]));
        assert_eq!(labels.names(), ["0", "9", "10"]);
    }

    #[test]
    fn a_label_that_was_not_trained_is_an_error() {
        let labels = Labels::of_texts(&texts(&["spam", "ham"]));
        let mut row = texts(&["eggs"]).remove(0);
        row.at.line = 7;
        let error = row.numbered(&labels).unwrap_err().to_string();
        assert!(error.starts_with("dev.tsv, line 7: the label \"eggs\" is not one of the 2"));
    }

    #[test]
    fn numbered_labels_are_a_set() {
        let labels = Labels::of_texts(&texts(&["spam", "ham"]));
        let mut row = texts(&["spam"]).remove(0);
        row.labels = ["spam", "ham", "spam"].map(String::from).into();
        assert_eq!(row.numbered(&labels).unwrap().labels, [0, 1]);
    }

    #[test]
    fn every_type_of_entity_has_both_tags() {
        let row = |tags: &[&str], intent: &str| LabelledWords {
            at: at(1),
            words: tags.iter().map(|_| "word".into()).collect(),
            tags: tags.iter().map(|tag| tag.to_string()).collect(),
            intent: Some(intent.into()),
        };
        let rows = [
            row(&["O", "B-PER"], "play"),
            row(&["B-LOC", "I-LOC"], "book"),
        ];
        let tags = Labels::of_tags(&rows);
        assert_eq!(tags.names(), ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]);
        let intents = Labels::of_intents(&rows);
        let tagged = rows[0].clone().numbered(&tags, &intents).unwrap();
        assert_eq!((tagged.tags, tagged.intent), (vec![0, 3], Some(1)));
        let tagged = rows[0].clone().numbered(&tags, &Labels::default()).unwrap();
        assert_eq!(tagged.intent, None);
    }

    #[test]
    fn a_file_of_names_lets_the_data_have_numbers() {
        let (_folder, path) = file("labels.txt", "joy\nanger\n2\n");
        let labels = Labels::from_file(&path).unwrap();
        assert_eq!(labels.names(), ["joy", "anger", "2"]);
        for (name, number) in [("anger", 1), ("1", 1), ("2", 2)] {
            assert_eq!(labels.number(name, &at(1)).unwrap(), number);
        }
        assert!(labels.number("3", &at(1)).is_err());
        let (folder, path) = file("labels.txt", "joy\njoy\n");
        let expected = "labels.txt, line 2: the label \"joy\" is there twice; remove one";
        assert_eq!(message(Labels::from_file(&path), &folder), expected);
    }
}
