//! Words with tags in columns: a word a line, an empty line after each sentence.

use crate::input::{lines, push_line, words};
use crate::lines::Sample;

/// The words of each sentence, joined by spaces, a sentence a line.
#[must_use]
pub fn join_words(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sentence = Vec::new();
    for line in rows(text) {
        match first_and_last(line) {
            Some((word, _)) => {
                if !sentence.is_empty() {
                    sentence.push(b' ');
                }
                sentence.extend_from_slice(word);
            }
            None => {
                if !sentence.is_empty() {
                    push_line(&mut out, &sentence);
                }
                sentence.clear();
            }
        }
    }
    if !sentence.is_empty() {
        push_line(&mut out, &sentence);
    }
    out
}

/// People, places and organisations in IOB2: word, tab, tag.
///
/// Reads IO, IOB1 and IOB2 tags. An entity begins at `B-`, and where the type changes. The data sets
/// disagree on the other types, so these become `O`.
#[must_use]
pub fn iob2(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut last = None;
    for line in rows(text) {
        let Some((word, tag)) = first_and_last(line) else {
            out.push(b'\n');
            last = None;
            continue;
        };
        let kind = entity_type(tag.get(2..).unwrap_or_default());
        out.extend_from_slice(word);
        out.push(b'\t');
        match kind {
            Some(kind) => {
                let begins = tag[0] == b'B' || last != Some(kind);
                out.extend_from_slice(if begins { b"B-" } else { b"I-" });
                push_line(&mut out, kind.as_bytes());
            }
            None => push_line(&mut out, b"O"),
        }
        last = kind;
    }
    out
}

fn entity_type(name: &[u8]) -> Option<&'static str> {
    match name {
        b"person" | b"PER" => Some("PER"),
        b"location" | b"LOC" => Some("LOC"),
        b"corporation" | b"group" | b"ORG" => Some("ORG"),
        _ => None,
    }
}

/// The sentences whose numbers are kept, each followed by an empty line.
#[must_use]
pub fn sample_sentences(text: &[u8], sample: &Sample) -> Vec<u8> {
    let mut out = Vec::new();
    let mut number = 0;
    let mut within = false;
    for line in lines(text) {
        if line.is_empty() {
            if within && sample.keeps(number) {
                out.push(b'\n');
            }
            within = false;
            continue;
        }
        if !within {
            number += 1;
            within = true;
        }
        if sample.keeps(number) {
            push_line(&mut out, line);
        }
    }
    if within && sample.keeps(number) {
        out.push(b'\n');
    }
    out
}

/// The lines of a file in columns, without document marks.
fn rows(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines(text)
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.starts_with(b"-DOCSTART-"))
}

/// Word and tag of a line; none where it has fewer than two columns.
pub(crate) fn first_and_last(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut columns = words(line);
    let first = columns.next()?;
    Some((first, columns.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_words_puts_a_sentence_on_a_line() {
        let text = b"-DOCSTART- O\n\nAda\tB-PER\r\nsleeps O\r\n\r\n\n. O\nalone\nlast x O\n";
        assert_eq!(join_words(text), b"Ada sleeps\n.\nlast\n");
    }

    #[test]
    fn iob2_marks_where_an_entity_begins() {
        let text = b"-DOCSTART- O\nAda I-PER\nByron I-PER\nLondon I-LOC\nParis B-LOC\nx O\nBig I-PER\n\n\
            Acme B-corporation\nCo I-corporation\nBand I-group\nfilm B-creative-work\nBill I-person\r\n";
        assert_eq!(
            String::from_utf8(iob2(text)).unwrap(),
            "Ada\tB-PER\nByron\tI-PER\nLondon\tB-LOC\nParis\tB-LOC\nx\tO\nBig\tB-PER\n\n\
             Acme\tB-ORG\nCo\tI-ORG\nBand\tI-ORG\nfilm\tO\nBill\tB-PER\n"
        );
    }

    #[test]
    fn iob2_begins_anew_after_a_sentence() {
        assert_eq!(iob2(b"A I-PER\n\nB I-PER\n"), b"A\tB-PER\n\nB\tB-PER\n");
    }

    #[test]
    fn sample_sentences_counts_paragraphs() {
        let text = b"\n\na\tO\nb\tO\n\n\nc\tO\n\nd\tO";
        let sample = |modulus, remainder| Sample {
            modulus,
            remainders: vec![remainder],
            ..Sample::all()
        };
        assert_eq!(
            sample_sentences(text, &sample(1, 0)),
            b"a\tO\nb\tO\n\nc\tO\n\nd\tO\n\n"
        );
        assert_eq!(sample_sentences(text, &sample(2, 0)), b"c\tO\n\n");
        assert_eq!(
            sample_sentences(text, &sample(2, 1)),
            b"a\tO\nb\tO\n\nd\tO\n\n"
        );
    }
}
