//! Folders of parallel files, whose lines of one number belong together: `seq.in` has the words of
//! a sentence, `seq.out` their tags and `label` its intent, as SNIPS and ATIS come for joint models.

use std::path::Path;

use super::{DataError, LabelledText, LabelledWords, SourceLine, iob, lines};

/// Sentences and their intents. `seq.out` need not be there.
pub(super) fn texts(folder: &Path) -> Result<Vec<LabelledText>, DataError> {
    let texts = lines::lines(&folder.join("seq.in"))?;
    let intents = as_many(&folder.join("label"), texts.len())?;
    let rows = texts.into_iter().zip(intents);
    rows.map(|((_, text), (at, intent))| {
        let labels = vec![some(&intent, "intent", &at)?];
        LabelledText {
            at,
            text,
            pair: None,
            labels,
        }
        .checked()
    })
    .collect()
}

/// Sentences in words, their tags and intents.
pub(super) fn words(folder: &Path, ignored: &[String]) -> Result<Vec<LabelledWords>, DataError> {
    let texts = texts(folder)?;
    let tags = as_many(&folder.join("seq.out"), texts.len())?;
    let rows = texts.into_iter().zip(tags);
    rows.map(|(row, (at, tags))| {
        let words: Vec<String> = row.text.split_whitespace().map(str::to_owned).collect();
        let mut converted = Vec::with_capacity(words.len());
        for tag in tags.split_whitespace() {
            converted.push(iob::iob2(tag, converted.last(), ignored, &at)?);
        }
        if words.len() != converted.len() {
            return Err(at.malformed(format!(
                "{} tags for {} words; every word of seq.in needs one",
                converted.len(),
                words.len()
            )));
        }
        Ok(LabelledWords {
            at,
            words,
            tags: converted,
            intent: row.labels.into_iter().next(),
        })
    })
    .collect()
}

fn as_many(path: &Path, count: usize) -> Result<Vec<(SourceLine, String)>, DataError> {
    let lines = lines::lines(path)?;
    if lines.len() != count {
        return Err(DataError::MalformedFile {
            path: path.into(),
            reason: format!(
                "{} lines, but seq.in has {count}; they must have the same number",
                lines.len()
            ),
        });
    }
    Ok(lines)
}

fn some(text: &str, what: &str, at: &SourceLine) -> Result<String, DataError> {
    match text.trim() {
        "" => Err(at.malformed(format!(
            "the {what} is empty; remove the line from every file"
        ))),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::super::lines::tests::message;
    use super::*;

    fn folder(files: [(&str, &str); 3]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        folder
    }

    const IN: (&str, &str) = ("seq.in", "play  moon river \nadd it\n");
    const OUT: (&str, &str) = ("seq.out", "O B-track I-track \nO O\n");
    const LABEL: (&str, &str) = ("label", "Play\nAdd\n");

    #[test]
    fn lines_belong_together() {
        let folder = folder([IN, OUT, LABEL]);
        let rows = words(folder.path(), &[]).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].words, ["play", "moon", "river"]);
        assert_eq!(rows[0].tags, ["O", "B-track", "I-track"]);
        assert_eq!(rows[1].intent.as_deref(), Some("Add"));
        let rows = texts(folder.path()).unwrap();
        assert_eq!(
            (rows[1].text.as_str(), &rows[1].labels[..]),
            ("add it", &["Add".into()][..])
        );
    }

    #[test]
    fn files_that_do_not_fit_are_errors() {
        for (files, expected) in [
            (
                [IN, OUT, ("label", "Play\n")],
                "label: 1 lines, but seq.in has 2; they must have the same number",
            ),
            (
                [IN, ("seq.out", "O B-track\nO O\n"), LABEL],
                "seq.out, line 1: 2 tags for 3 words; every word of seq.in needs one",
            ),
            (
                [IN, OUT, ("label", "Play\n \n")],
                "label, line 2: the intent is empty; remove the line from every file",
            ),
            (
                [("seq.in", "a\n\n"), ("seq.out", "O\n\n"), LABEL],
                "label, line 2: the text is empty; leave the row out",
            ),
            (
                [IN, ("seq.out", "O B-track track\nO O\n"), LABEL],
                "seq.out, line 1: \"track\" is no tag; tags are O, B- or I- with a type, as B-PER",
            ),
        ] {
            let folder = folder(files);
            assert_eq!(message(words(folder.path(), &[]), &folder), expected);
        }
    }
}
