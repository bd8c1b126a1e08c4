//! BERT's normalization as a stream: one source character in, its normalized characters out.
//!
//! The reference builds a new string per step (clean, space out ideographs, decompose, drop
//! accents, lower case) and carries an alignment per byte. Here every normalized character is
//! made directly from its source character, so that no step needs memory. One step needs more
//! than one character: the ordering of combining marks, see [`MarkRun`].

use super::marks::MarkRun;
use super::source::{Aligned, Source};
use super::unicode::{Class, Few, is_chinese, lowercase, stripped};

/// What is done to the text before it is cut into words. The fields are those of Hugging Face's
/// `BertNormalizer`; an absent `strip_accents` there means the value of `lowercase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Normalizer {
    /// Drop control characters and U+FFFD, turn all white space into plain spaces.
    pub clean_text: bool,
    /// Make every CJK ideograph a word of its own.
    pub handle_chinese_chars: bool,
    /// Decompose canonically (NFD) and drop nonspacing marks.
    pub strip_accents: bool,
    /// Lower case, character by character.
    pub lowercase: bool,
}

/// The normalized characters of one segment of a text, aligned with the source.
#[derive(Clone)]
pub(super) struct Normalized<'a> {
    source: Source<'a>,
    normalizer: Normalizer,
    /// Rest of the expansion of the last source character.
    rest: Few,
    rest_at: u8,
    start: u32,
    end: u32,
    run: Option<MarkRun<'a>>,
}

impl<'a> Normalized<'a> {
    /// `segment` begins at byte `base` of the text that the alignment refers to.
    pub fn new(segment: &'a str, base: u32, normalizer: Normalizer) -> Self {
        Self {
            source: Source::new(segment, base, normalizer.clean_text),
            normalizer,
            rest: Few::NONE,
            rest_at: 0,
            start: 0,
            end: 0,
            run: None,
        }
    }

    /// Makes the normalized characters of `from` the next ones. `before` is the source in front
    /// of `from`.
    fn expand(&mut self, from: Aligned, before: Source<'a>) {
        (self.start, self.end) = (from.start, from.end);
        (self.rest, self.rest_at) = (Few::NONE, 0);
        let chinese = self.normalizer.handle_chinese_chars && is_chinese(from.c);
        if chinese {
            self.rest.push(' ');
        }
        if self.normalizer.strip_accents {
            let class = Class::of(from.c);
            if class.rank() > 0 {
                self.run = MarkRun::new(Few::NONE, from, before, &mut self.source);
                return;
            }
            let left = stripped(from.c, class);
            let mut trailing = Few::NONE;
            for &c in left.as_slice() {
                if Class::of(c).rank() == 0 {
                    self.push(c);
                } else {
                    trailing.push(c);
                }
            }
            if !trailing.as_slice().is_empty() {
                let behind = self.source.clone();
                self.run = MarkRun::new(trailing, from, behind, &mut self.source);
            }
        } else {
            self.push(from.c);
        }
        if chinese {
            self.rest.push(' ');
        }
    }

    fn push(&mut self, c: char) {
        if self.normalizer.lowercase {
            let (first, second) = lowercase(c);
            self.rest.push(first);
            if let Some(second) = second {
                self.rest.push(second);
            }
        } else {
            self.rest.push(c);
        }
    }
}

impl Iterator for Normalized<'_> {
    type Item = Aligned;

    fn next(&mut self) -> Option<Aligned> {
        loop {
            if let Some(&c) = self.rest.as_slice().get(usize::from(self.rest_at)) {
                self.rest_at += 1;
                return Some(Aligned {
                    c,
                    start: self.start,
                    end: self.end,
                });
            }
            if let Some(run) = &mut self.run {
                match run.next() {
                    Some(mark) if self.normalizer.lowercase => {
                        return Some(Aligned {
                            c: lowercase(mark.c).0,
                            ..mark
                        });
                    }
                    Some(mark) => return Some(mark),
                    None => self.run = None,
                }
            }
            let before = self.source.clone();
            let from = self.source.next()?;
            if from.c.is_ascii() {
                let lower = self.normalizer.lowercase;
                let c = if lower {
                    from.c.to_ascii_lowercase()
                } else {
                    from.c
                };
                return Some(Aligned { c, ..from });
            }
            self.expand(from, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Normalizer = Normalizer {
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: true,
        lowercase: true,
    };

    #[track_caller]
    fn check<const N: usize>(normalizer: Normalizer, text: &str, expected: [(char, u32, u32); N]) {
        let mut normalized = Normalized::new(text, 0, normalizer).map(|a| (a.c, a.start, a.end));
        for expected in expected {
            assert_eq!(normalized.next(), Some(expected));
        }
        assert_eq!(normalized.next(), None);
    }

    #[test]
    fn cleaning_drops_control_characters_and_unifies_white_space() {
        check(
            ALL,
            "a\0\u{FFFD}\u{200B}\u{7F}b",
            [('a', 0, 1), ('b', 9, 10)],
        );
        check(
            ALL,
            "\t\u{A0}\u{2028}\u{B}",
            [(' ', 0, 1), (' ', 1, 3), (' ', 3, 6)],
        );
        let raw = Normalizer {
            clean_text: false,
            ..ALL
        };
        check(
            raw,
            "\0\t\u{FFFD}",
            [('\0', 0, 1), ('\t', 1, 2), ('\u{FFFD}', 2, 5)],
        );
    }

    #[test]
    fn ideographs_stand_alone() {
        check(
            ALL,
            "中x",
            [(' ', 0, 3), ('中', 0, 3), (' ', 0, 3), ('x', 3, 4)],
        );
        let joined = Normalizer {
            handle_chinese_chars: false,
            ..ALL
        };
        check(joined, "中", [('中', 0, 3)]);
    }

    #[test]
    fn accents_go_with_or_without_lower_case() {
        check(ALL, "Éé\u{301}", [('e', 0, 2), ('e', 2, 4)]);
        let upper = Normalizer {
            lowercase: false,
            ..ALL
        };
        check(upper, "Éé", [('E', 0, 2), ('e', 2, 4)]);
        let accents = Normalizer {
            strip_accents: false,
            ..ALL
        };
        check(accents, "É", [('é', 0, 2)]);
    }

    #[test]
    fn an_expansion_shares_its_source() {
        let accents = Normalizer {
            strip_accents: false,
            ..ALL
        };
        check(accents, "İ", [('i', 0, 2), ('\u{307}', 0, 2)]);
        check(
            ALL,
            "각",
            [('\u{1100}', 0, 3), ('\u{1161}', 0, 3), ('\u{11A8}', 0, 3)],
        );
    }

    #[test]
    fn the_alignment_counts_from_the_base() {
        let mut normalized = Normalized::new("é", 7, ALL);
        let first = normalized.next().map(|a| (a.start, a.end));
        assert_eq!(first, Some((7, 9)));
    }

    #[test]
    fn surviving_marks_are_ordered_and_aligned_by_position() {
        // Class 224 behind class 9; what was first in the text aligns what is first in order.
        check(
            ALL,
            "a\u{302E}\u{1B44}",
            [('a', 0, 1), ('\u{1B44}', 1, 4), ('\u{302E}', 4, 7)],
        );
        // Class 224 in front of class 230, which is dropped, and behind 220, dropped too.
        check(ALL, "a\u{301}\u{302E}", [('a', 0, 1), ('\u{302E}', 1, 3)]);
        check(ALL, "a\u{302E}\u{323}", [('a', 0, 1), ('\u{302E}', 4, 6)]);
        // Equal classes keep their order.
        check(
            ALL,
            "\u{302F}\u{302E}",
            [('\u{302F}', 0, 3), ('\u{302E}', 3, 6)],
        );
        // Marks of a decomposition are no source characters of their own.
        check(
            ALL,
            "\u{1D15E}\u{1B44}b",
            [
                ('\u{1D157}', 0, 4),
                ('\u{1B44}', 4, 7),
                ('\u{1D165}', 4, 7),
                ('b', 7, 8),
            ],
        );
    }

    #[test]
    fn dropped_characters_do_not_end_a_run_of_marks() {
        check(
            ALL,
            "\u{302E}\0\u{1B44}\u{FFFD} ",
            [('\u{1B44}', 0, 3), ('\u{302E}', 4, 7), (' ', 10, 11)],
        );
    }
}
