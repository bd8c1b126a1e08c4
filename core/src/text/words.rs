//! BERT's pre-tokenization: words end at white space, punctuation marks are words themselves.

use super::normalize::{Aligned, Normalized, Normalizer};
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
