//! The reviews, snippets and phrases of the sentiment models.

use std::collections::{BTreeSet, HashSet};

use crate::input::{lines, push_line, words};
use crate::lines::contains;

/// The header of training data: a label, a tab and a text a line.
pub const HEADER: &[u8] = b"label\ttext\n";

/// Letters and digits in a row that make two texts overlap.
const OVERLAP: usize = 30;
/// A held-out text with fewer letters and digits than this overlaps with nothing.
const SHORTEST: usize = 10;

/// SST-2 as GLUE's `label TAB sentence` lines with a header, with `positive` for 1 and `negative` for
/// all else.
#[must_use]
pub fn name_labels(text: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    for line in lines(text).skip(1) {
        let mut columns = line.split(|&byte| byte == b'\t');
        let label: &[u8] = if columns.next() == Some(b"1") {
            b"positive"
        } else {
            b"negative"
        };
        out.extend_from_slice(label);
        out.push(b'\t');
        push_line(&mut out, columns.next().unwrap_or_default());
    }
    out
}

/// `label TAB text` of each review that does not overlap with the held-out texts.
///
/// Two texts overlap where they have 30 letters and digits in a row in common, or where the review
/// contains all of a held-out text of 10 to 29. Case, spaces and punctuation do not count. The option
/// `--without` of the training commands leaves out the same texts, but not the short pieces that are
/// made of the reviews.
#[must_use]
pub fn label_reviews(reviews: &[u8], label: &str, held_out: &[u8]) -> Vec<u8> {
    let mut long = HashSet::new();
    let mut short = HashSet::new();
    for text in lines(held_out) {
        let text = letters_and_digits(text);
        if (SHORTEST..OVERLAP).contains(&text.len()) {
            short.insert(text.clone());
        }
        long.extend(text.windows(OVERLAP).map(<[u8]>::to_vec));
    }
    let mut out = Vec::new();
    for review in lines(reviews) {
        let text = letters_and_digits(review);
        let overlaps = text.windows(OVERLAP).any(|window| long.contains(window))
            || short.iter().any(|whole| contains(&text, whole));
        if !overlaps {
            out.extend_from_slice(label.as_bytes());
            out.push(b'\t');
            push_line(&mut out, review);
        }
    }
    out
}

fn letters_and_digits(text: &[u8]) -> Vec<u8> {
    text.iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase)
        .collect()
}

/// `label TAB text` of VADER's `id TAB mean rating TAB text TAB ratings` lines that people agreed on:
/// positive from a mean of 1, negative up to -1.
#[must_use]
pub fn label_vader(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines(text) {
        let mut columns = line.split(|&byte| byte == b'\t').skip(1);
        let rating = columns
            .next()
            .and_then(|rating| str::from_utf8(rating).ok()?.trim().parse().ok());
        let label: &[u8] = match rating {
            Some(1.0_f64..) => b"positive\t",
            Some(..=-1.0_f64) => b"negative\t",
            _ => continue,
        };
        out.extend_from_slice(label);
        push_line(&mut out, columns.next().unwrap_or_default());
    }
    out
}

/// The different clauses of 2 to 30 words, sorted by bytes, without the punctuation at their ends.
///
/// A clause ends at a comma, full stop, semicolon, colon, dash or conjunction that stands between spaces.
#[must_use]
pub fn clauses(text: &[u8]) -> Vec<u8> {
    let mut found = BTreeSet::new();
    for line in lines(text) {
        for clause in split_clauses(line) {
            if (2..=30).contains(&words(&clause).count()) {
                found.insert(clause);
            }
        }
    }
    sorted_lines(&found)
}

const SEPARATORS: [&[u8]; 10] = [
    b",",
    b".",
    b";",
    b":",
    b"--",
    b"but",
    b"and",
    b"while",
    b"although",
    b"because",
];

fn split_clauses(line: &[u8]) -> Vec<Vec<u8>> {
    let mut clauses = vec![Vec::new()];
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        let separator = SEPARATORS.iter().find_map(|&separator| {
            after
                .strip_prefix(separator)
                .and_then(|after| after.strip_prefix(b" "))
        });
        match separator {
            Some(after) if byte == b' ' => {
                clauses.push(Vec::new());
                rest = after;
            }
            _ => {
                if let Some(clause) = clauses.last_mut() {
                    clause.push(byte);
                }
                rest = after;
            }
        }
    }
    if let Some(clause) = clauses.last_mut() {
        clause.truncate(without_final_marks(clause));
    }
    clauses
}

/// Bytes of a line before a space, full stops, exclamation or question marks, and spaces at its end; all of
/// them where it does not end so.
fn without_final_marks(line: &[u8]) -> usize {
    let spaces = line.iter().rev().take_while(|&&byte| byte == b' ').count();
    let text = &line[..line.len() - spaces];
    let marks = text
        .iter()
        .rev()
        .take_while(|byte| b".!?".contains(byte))
        .count();
    match text[..text.len() - marks] {
        [.., b' '] if marks > 0 => text.len() - marks - 1,
        _ => line.len(),
    }
}

/// The different runs of four and of eight words, sorted by bytes. Runs of one length do not overlap.
#[must_use]
pub fn word_runs(text: &[u8]) -> Vec<u8> {
    let mut found = BTreeSet::new();
    for line in lines(text) {
        let line: Vec<&[u8]> = words(line).collect();
        for length in [4, 8] {
            found.extend(line.chunks_exact(length).map(|run| run.join(&b' ')));
        }
    }
    sorted_lines(&found)
}

fn sorted_lines(found: &BTreeSet<Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    for line in found {
        push_line(&mut out, line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_get_names() {
        assert_eq!(
            name_labels(b"label\tcontent\n1\tgood .\r\n0\tbad .\n"),
            b"label\ttext\npositive\tgood .\r\nnegative\tbad .\n"
        );
    }

    #[test]
    fn reviews_that_overlap_are_left_out() {
        let held_out = b"The quick brown fox jumps over the lazy dog.\nSo dull a film!\nshort\n";
        let reviews = b"this quick brown fox jumps over the lazy cat\n\
            Quick-brown fox jumps over the LAZY d\n\
            the quick brown fox jumps over it\n\
            it is so DULL, a film indeed\n\
            a short one\n";
        assert_eq!(
            String::from_utf8(label_reviews(reviews, "negative", held_out)).unwrap(),
            "negative\tthis quick brown fox jumps over the lazy cat\n\
             negative\tthe quick brown fox jumps over it\n\
             negative\ta short one\n"
        );
    }

    #[test]
    fn vader_labels_what_people_agreed_on() {
        let text =
            b"1\t1.0\tfine\t[1]\r\n2\t-1.25\tpoor\r\n3\t0.9\tso so\n4\t-0.95\tmeh\n5\t\tnone\n6\n";
        assert_eq!(label_vader(text), b"positive\tfine\nnegative\tpoor\r\n");
    }

    #[test]
    fn clauses_are_split_at_marks_and_conjunctions() {
        let text = b"a long film , but it works and pleases me . \nIt works !? \nit works...\nband and butter\n";
        assert_eq!(
            String::from_utf8(clauses(text)).unwrap(),
            "It works\na long film\nbut it works\nit works...\npleases me\n"
        );
        // The separator "," takes the space that "but" needs before it.
        let clauses = split_clauses(b"a , but and b .");
        assert_eq!(clauses, [&b"a"[..], b"but", b"b"]);
    }

    #[test]
    fn runs_have_four_or_eight_words() {
        assert_eq!(
            String::from_utf8(word_runs(b"a b  c d e f g h i\nb c d e\nb c d e\n")).unwrap(),
            "a b c d\na b c d e f g h\nb c d e\ne f g h\n"
        );
    }
}
