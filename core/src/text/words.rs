//! BERT's pre-tokenization: words end at white space, punctuation marks are words themselves.

use super::normalize::{Normalized, Normalizer};
use super::source::Aligned;
use super::unicode::Class;

/// The longest word, in characters, that is looked up in the vocabulary; longer ones are unknown.
/// Hugging Face's default is 100. The bound is what a word takes on the stack, four bytes each.
pub const MAX_WORD_CHARS: usize = 128;

/// A cut-out word.
#[derive(Clone, Copy)]
pub(super) struct Word {
    /// Length in characters, which may be more than were stored.
    pub chars: usize,
    /// The bytes of the source text from its first to its last character.
    pub start: u32,
    pub end: u32,
}

/// The words of one segment of a text.
#[derive(Clone)]
pub(super) struct Words<'a> {
    chars: Normalized<'a>,
    /// The punctuation mark that ended the last word.
    held: Option<Aligned>,
}

/// The normalized UTF-8 of one word.
pub(super) struct WordBuffer {
    bytes: [u8; 4 * MAX_WORD_CHARS],
    len: usize,
}

impl WordBuffer {
    pub fn new() -> Self {
        Self {
            bytes: [0; 4 * MAX_WORD_CHARS],
            len: 0,
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Drops what does not fit: such a word is not looked up.
    fn push(&mut self, c: char) {
        if let Some(free) = self.bytes.get_mut(self.len..self.len + c.len_utf8()) {
            self.len += c.encode_utf8(free).len();
        }
    }
}

impl<'a> Words<'a> {
    pub fn new(segment: &'a str, base: u32, normalizer: Normalizer) -> Self {
        Self {
            chars: Normalized::new(segment, base, normalizer),
            held: None,
        }
    }

    /// Puts the next word into `buffer`.
    pub fn next(&mut self, buffer: &mut WordBuffer) -> Option<Word> {
        let (first, boundary) = loop {
            let aligned = match self.held.take() {
                Some(held) => held,
                None => self.chars.next()?,
            };
            match Boundary::of(aligned.c) {
                Boundary::Space => continue,
                boundary => break (aligned, boundary),
            }
        };
        buffer.len = 0;
        buffer.push(first.c);
        let mut word = Word {
            chars: 1,
            start: first.start,
            end: first.end,
        };
        if let Boundary::Punctuation = boundary {
            return Some(word);
        }
        for aligned in self.chars.by_ref() {
            match Boundary::of(aligned.c) {
                Boundary::Space => break,
                Boundary::Punctuation => {
                    self.held = Some(aligned);
                    break;
                }
                Boundary::None => {}
            }
            buffer.push(aligned.c);
            word.chars = word.chars.saturating_add(1);
            word.end = aligned.end;
        }
        Some(word)
    }

    /// The characters of the next word, from its first one on. Runs on behind the word.
    pub fn aligned_chars(self) -> impl Iterator<Item = Aligned> {
        self.held
            .into_iter()
            .chain(self.chars)
            .skip_while(|aligned| matches!(Boundary::of(aligned.c), Boundary::Space))
    }
}

/// Calls `each` with every word of a text as the vocabulary is asked for it, normalized; not with
/// words of more than [`MAX_WORD_CHARS`] characters.
///
/// Vocabularies are learnt from these.
pub fn for_each_word(text: &str, normalizer: Normalizer, mut each: impl FnMut(&str)) {
    let mut words = Words::new(text, 0, normalizer);
    let mut buffer = WordBuffer::new();
    while let Some(word) = words.next(&mut buffer) {
        if word.chars <= MAX_WORD_CHARS
            && let Ok(word) = core::str::from_utf8(buffer.as_bytes())
        {
            each(word);
        }
    }
}

enum Boundary {
    None,
    Space,
    Punctuation,
}

impl Boundary {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => Self::None,
            _ if c.is_whitespace() => Self::Space,
            _ if c.is_ascii_punctuation() => Self::Punctuation,
            _ if c.is_ascii() => Self::None,
            _ if Class::of(c).is_punctuation() => Self::Punctuation,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASED: Normalizer = Normalizer {
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: false,
        lowercase: false,
    };

    #[track_caller]
    fn check<const N: usize>(text: &str, expected: [(&str, u32, u32); N]) {
        let mut words = Words::new(text, 0, CASED);
        let mut buffer = WordBuffer::new();
        for (word, start, end) in expected {
            let found = words
                .next(&mut buffer)
                .map(|word| (word.chars, word.start, word.end));
            assert_eq!(found, Some((word.chars().count(), start, end)));
            assert_eq!(buffer.as_bytes(), word.as_bytes());
        }
        assert!(words.next(&mut buffer).is_none());
    }

    #[test]
    fn words_end_at_space_and_punctuation() {
        check("", []);
        check(" \t ", []);
        check("Hey  you", [("Hey", 0, 3), ("you", 5, 8)]);
        check(
            "don't.",
            [("don", 0, 3), ("'", 3, 4), ("t", 4, 5), (".", 5, 6)],
        );
        check("?! a", [("?", 0, 1), ("!", 1, 2), ("a", 3, 4)]);
        check(
            "a中文b",
            [("a", 0, 1), ("中", 1, 4), ("文", 4, 7), ("b", 7, 8)],
        );
        check("1\u{2019}s", [("1", 0, 1), ("\u{2019}", 1, 4), ("s", 4, 5)]);
    }

    #[test]
    fn words_are_handed_out_normalized_but_for_those_that_are_too_long() {
        let uncased = Normalizer {
            strip_accents: true,
            lowercase: true,
            ..CASED
        };
        let mut text = [b' '; MAX_WORD_CHARS + 20];
        let (long, rest) = text.split_at_mut(MAX_WORD_CHARS + 1);
        long.fill(b'x');
        rest[1..13].copy_from_slice("Caf\u{e9}, no\u{301}w".as_bytes());
        let mut expected = ["cafe", ",", "now"].into_iter();
        let text = core::str::from_utf8(&text).unwrap_or_default();
        for_each_word(text, uncased, |word| {
            assert_eq!(Some(word), expected.next())
        });
        assert_eq!(expected.next(), None);
    }

    #[test]
    fn a_word_covers_what_was_dropped_inside_but_not_around() {
        check("\0a\0b\0 ", [("ab", 1, 4)]);
    }

    #[test]
    fn a_long_word_is_counted_but_not_stored() {
        let bytes = [*b"\xF0\x9D\x95\x8F"; MAX_WORD_CHARS + 2];
        let text = core::str::from_utf8(bytes.as_flattened()).unwrap_or_default();
        let mut buffer = WordBuffer::new();
        let word = Words::new(text, 0, CASED).next(&mut buffer);
        let word = word.map(|word| (word.chars, word.end));
        assert_eq!(word, Some((MAX_WORD_CHARS + 2, text.len() as u32)));
        assert_eq!(buffer.as_bytes().len(), 4 * MAX_WORD_CHARS);
    }
}
