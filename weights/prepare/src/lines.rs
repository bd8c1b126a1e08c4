//! Selecting lines and columns.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use crate::input::{lines, push_line, words};

/// Which numbers, from 1, to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// First and last number to keep.
    pub range: RangeInclusive<usize>,
    /// What numbers are divided by.
    pub modulus: usize,
    /// The remainders to keep, or to leave out if `inverted`.
    pub remainders: Vec<usize>,
    /// Whether to keep the other remainders.
    pub inverted: bool,
}

impl Sample {
    /// Keeps all numbers.
    #[must_use]
    pub fn all() -> Self {
        Self {
            range: 1..=usize::MAX,
            modulus: 1,
            remainders: vec![0],
            inverted: false,
        }
    }

    /// Whether a number is kept.
    #[must_use]
    pub fn keeps(&self, number: usize) -> bool {
        self.range.contains(&number)
            && self.remainders.contains(&(number % self.modulus)) != self.inverted
    }
}

/// The lines whose numbers are kept.
#[must_use]
pub fn sample_lines(text: &[u8], sample: &Sample) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, line) in (1..).zip(lines(text)) {
        if sample.keeps(number) {
            push_line(&mut out, line);
        }
    }
    out
}

/// Column `number`, from 1, of tab-separated lines: empty where a line has fewer columns, the whole line
/// where it has no tab (as `cut -f` does).
#[must_use]
pub fn column(text: &[u8], number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines(text) {
        let cell = if line.contains(&b'\t') {
            line.split(|&byte| byte == b'\t')
                .nth(number - 1)
                .unwrap_or_default()
        } else {
            line
        };
        push_line(&mut out, cell);
    }
    out
}

/// A text without its first line.
#[must_use]
pub fn without_header(text: &[u8]) -> &[u8] {
    let header = text
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(text.len(), |at| at + 1);
    &text[header..]
}

/// Which lines to keep.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Fewest and most words.
    pub words: RangeInclusive<usize>,
    /// Whether a word after the first must begin with an ASCII capital and a small letter.
    pub capitalized: bool,
    /// Whether a line must differ from all kept lines before it.
    pub unique: bool,
    /// Strings that a line must not contain.
    pub without: Vec<Vec<u8>>,
}

/// The lines that a filter keeps.
#[must_use]
pub fn filter(text: &[u8], filter: &Filter) -> Vec<u8> {
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    for line in lines(text) {
        let kept = filter.words.contains(&words(line).count())
            && (!filter.capitalized || words(line).skip(1).any(starts_capitalized))
            && !filter.without.iter().any(|string| contains(line, string))
            && (!filter.unique || seen.insert(line));
        if kept {
            push_line(&mut out, line);
        }
    }
    out
}

/// Whether a word begins with an ASCII capital and a small letter.
#[must_use]
pub fn starts_capitalized(word: &[u8]) -> bool {
    matches!(word, [b'A'..=b'Z', b'a'..=b'z', ..])
}

/// Whether a line contains a string.
#[must_use]
pub fn contains(line: &[u8], string: &[u8]) -> bool {
    find(line, string).is_some()
}

/// Where a line first contains a string.
#[must_use]
pub fn find(line: &[u8], string: &[u8]) -> Option<usize> {
    line.windows(string.len())
        .position(|window| window == string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_keeps_remainders_within_the_range() {
        let text = b"1\n2\n3\n4\n5\n6\n7";
        let sample = Sample {
            range: 1..=usize::MAX,
            modulus: 5,
            remainders: vec![0, 1, 2],
            inverted: false,
        };
        assert_eq!(sample_lines(text, &sample), b"1\n2\n5\n6\n7\n");
        let sample = Sample {
            range: 3..=6,
            modulus: 2,
            remainders: vec![0],
            inverted: false,
        };
        assert_eq!(sample_lines(text, &sample), b"4\n6\n");
        let sample = Sample {
            modulus: 3,
            inverted: true,
            ..Sample::all()
        };
        assert_eq!(sample_lines(text, &sample), b"1\n2\n4\n5\n7\n");
        assert_eq!(sample_lines(text, &Sample::all()), b"1\n2\n3\n4\n5\n6\n7\n");
    }

    #[test]
    fn column_is_that_of_cut() {
        assert_eq!(
            column(b"a\tb\tc\r\nd\te\nno tab\n\tf\tg", 3),
            b"c\r\n\nno tab\ng\n"
        );
        assert_eq!(column(b"a\tb\n", 1), b"a\n");
    }

    #[test]
    fn header_ends_with_the_first_line() {
        assert_eq!(without_header(b"label\ttext\n1\tgood\n"), b"1\tgood\n");
        assert_eq!(without_header(b"label"), b"");
    }

    #[test]
    fn filter_keeps_lines_that_pass_every_test() {
        let all = Filter {
            words: 0..=usize::MAX,
            capitalized: false,
            unique: false,
            without: vec![],
        };
        let text = b"In Paris today\nParis today\nat IBM now\nIn Paris today\nask [NAME] in Rome\n";
        let capitalized = Filter {
            capitalized: true,
            ..all.clone()
        };
        assert_eq!(
            filter(text, &capitalized),
            b"In Paris today\nIn Paris today\nask [NAME] in Rome\n"
        );
        let unique = Filter {
            words: 3..=3,
            unique: true,
            ..all.clone()
        };
        assert_eq!(filter(text, &unique), b"In Paris today\nat IBM now\n");
        let without = Filter {
            without: vec![b"[NAME]".to_vec(), b"Paris".to_vec()],
            ..all
        };
        assert_eq!(filter(text, &without), b"at IBM now\n");
    }
}
