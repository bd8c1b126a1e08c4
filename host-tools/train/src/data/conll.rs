//! Token classification in columns: a word a line, a blank line after each sentence.

use std::path::Path;

use super::{DataError, LabelledWords, SourceLine, iob, lines};

/// Reads a file of CoNLL columns, parted by tabs or, where a line has none, by spaces.
///
/// Either the word is in the first column and the tag in the last, as in CoNLL-2003; or words are
/// numbered, the word is in the second column, the tag in the third, and lines that begin with `#`
/// are comments, as in Universal NER. Which of them is seen from the first sentence. Words that are
/// blank and in no entity, as broken tweets have them, are left out.
pub(super) fn read(path: &Path, ignored: &[String]) -> Result<Vec<LabelledWords>, DataError> {
    let lines = lines::lines(path)?;
    let numbered = is_numbered(lines.iter().map(|(_, line)| line.as_str()));
    let mut sentences = Vec::new();
    let mut sentence: Option<LabelledWords> = None;
    for (at, line) in &lines {
        if numbered && line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() || line.starts_with("-DOCSTART-") {
            sentences.extend(sentence.take());
            continue;
        }
        let (word, tag) = match numbered {
            true => match numbered_word(line, at)? {
                Some(columns) => columns,
                None => continue,
            },
            false => first_and_last(line, at)?,
        };
        if word.trim().is_empty() {
            if tag == "O" {
                continue;
            }
            return Err(at.malformed(format!(
                "the word tagged {tag} is empty; write it or tag it O"
            )));
        }
        let sentence = sentence.get_or_insert_with(|| LabelledWords {
            at: at.clone(),
            words: Vec::new(),
            tags: Vec::new(),
            intent: None,
        });
        sentence.words.push(word.to_owned());
        let tag = iob::iob2(tag, sentence.tags.last(), ignored, at)?;
        sentence.tags.push(tag);
    }
    sentences.extend(sentence);
    Ok(sentences)
}

fn cells(line: &str) -> Vec<&str> {
    match line.contains('\t') {
        true => line.trim_end().split('\t').collect(),
        false => line.split_whitespace().collect(),
    }
}

/// Whether the words of the first sentence are numbered 1, 2, 3 and so on.
fn is_numbered<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let mut lines = lines
        .filter(|line| !line.starts_with('#'))
        .skip_while(|line| line.trim().is_empty())
        .take_while(|line| !line.trim().is_empty())
        .map(cells)
        .filter(|cells| !is_part_or_whole(cells[0]))
        .zip(1..)
        .peekable();
    let is_next =
        |(cells, number): (Vec<&str>, usize)| cells.len() >= 3 && cells[0] == number.to_string();
    lines.peek().is_some() && lines.all(is_next)
}

/// Of Universal Dependencies' numbers `3-4`, words written as one, and `5.1`, words left unsaid:
/// neither is a word of the sentence.
fn is_part_or_whole(number: &str) -> bool {
    let mut parts = number.split(['-', '.']);
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    parts.clone().count() == 2 && parts.all(all_digits)
}

fn numbered_word<'a>(
    line: &'a str,
    at: &SourceLine,
) -> Result<Option<(&'a str, &'a str)>, DataError> {
    match cells(line)[..] {
        [number, ..] if is_part_or_whole(number) => Ok(None),
        [_, word, tag, ..] => Ok(Some((word, tag))),
        _ => Err(at.malformed("a number, a word and a tag are needed; correct or remove the line")),
    }
}

fn first_and_last<'a>(line: &'a str, at: &SourceLine) -> Result<(&'a str, &'a str), DataError> {
    match cells(line)[..] {
        [word, .., tag] => Ok((word, tag)),
        _ => Err(at.malformed("a word and a tag are needed; correct or remove the line")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lines::tests::{file, message};
    use super::*;

    /// The sentences, as `word/tag` with the lines that they begin in.
    fn sentences(content: &str, ignored: &[&str]) -> Vec<(usize, String)> {
        let (_folder, path) = file("a.conll", content);
        let ignored: Vec<String> = ignored.iter().map(|&kind| kind.to_owned()).collect();
        let sentences = read(&path, &ignored).unwrap().into_iter();
        let line = |sentence: LabelledWords| {
            let pairs = sentence.words.iter().zip(&sentence.tags);
            let pairs: Vec<String> = pairs.map(|(word, tag)| format!("{word}/{tag}")).collect();
            (sentence.at.line, pairs.join(" "))
        };
        sentences.map(line).collect()
    }

    #[test]
    fn words_are_first_and_tags_last() {
        let content = "-DOCSTART- -X- O O\n\nEU NNP - I-ORG\nrejects VBZ - O\n\n\n# NN - O\n";
        let expected = [(3, "EU/B-ORG rejects/O".into()), (7, "#/O".into())];
        assert_eq!(sentences(content, &[]), expected);
    }

    #[test]
    fn tabs_part_columns_and_a_line_of_white_space_sentences() {
        let content = "#\tO\r\nke s\tB-location\r\n\t\r\n1\tO\n2\tO\n";
        let expected = [(1, "#/O ke s/B-location".into()), (4, "1/O 2/O".into())];
        assert_eq!(sentences(content, &[]), expected);
    }

    #[test]
    fn blank_words_are_left_out() {
        assert_eq!(
            sentences("\tO\na\tO\n \tO\n\n\tO\n", &[]),
            [(2, "a/O".into())]
        );
    }

    #[test]
    fn numbered_words_have_comments_between_them() {
        let content = "# newdoc id = a\n# text = a b\n1-2\tab\tO\n1\ta\tB-PER\t-\tx\n2\tb\tO\n\
                       2.1\tc\tO\n\n# sent_id = 2\n1\t#\tB-OTH\n2\t3.5\tB-O\n";
        let expected = [(4, "a/B-PER b/O".into()), (9, "#/O 3.5/O".into())];
        assert_eq!(sentences(content, &["OTH", "O"]), expected);
    }

    #[test]
    fn corrupt_lines_are_errors_that_say_where() {
        for (content, expected) in [
            (
                &b"a O\nb\n"[..],
                "a.conll, line 2: a word and a tag are needed; correct or remove the line",
            ),
            (
                b"1\ta\tO\n2\n\n",
                "a.conll, line 2: a word and a tag are needed; correct or remove the line",
            ),
            (
                b"1\ta\tO\n\n1\tb\n",
                "a.conll, line 3: a number, a word and a tag are needed; correct or remove the line",
            ),
            (
                b"a O\nb PER\n",
                "a.conll, line 2: \"PER\" is no tag; tags are O, B- or I- with a type, as B-PER",
            ),
            (
                b" \tB-PER\n",
                "a.conll, line 1: the word tagged B-PER is empty; write it or tag it O",
            ),
            (
                b"a\tO\n\xff\tO\n",
                "a.conll, line 2 is not UTF-8; convert the file with iconv",
            ),
        ] {
            let (folder, path) = file("a.conll", content);
            assert_eq!(message(read(&path, &[]), &folder), expected);
        }
    }
}
