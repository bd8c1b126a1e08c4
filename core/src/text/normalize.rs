//! BERT's normalization as a stream: one source character in, its normalized characters out.
//!
//! The reference builds a new string per step (clean, space out ideographs, decompose, drop
//! accents, lower case) and carries an alignment per byte. Here every normalized character is
//! made directly from its source character, so that no step needs memory. One step needs more
//! than one character: the ordering of combining marks, see [`MarkRun`].

use core::str::CharIndices;

use super::marks::MarkRun;
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

/// A character and the bytes of the source text it stands for.
#[derive(Clone, Copy)]
pub(super) struct Aligned {
    pub c: char,
    pub start: u32,
    pub end: u32,
}

/// The source characters that cleaning leaves.
#[derive(Clone)]
pub(super) struct Source<'a> {
    chars: CharIndices<'a>,
    /// Where the segment begins in the whole text.
    base: u32,
    clean: bool,
}

impl Iterator for Source<'_> {
    type Item = Aligned;

    fn next(&mut self) -> Option<Aligned> {
        loop {
            let (at, c) = self.chars.next()?;
            // The length of the whole text was checked to fit `u32`.
            let start = self.base.wrapping_add(at as u32);
            let end = start.wrapping_add(c.len_utf8() as u32);
            match self.cleaned(c) {
                Some(c) => return Some(Aligned { c, start, end }),
                None => continue,
            }
        }
    }
}

impl Source<'_> {
    fn cleaned(&self, c: char) -> Option<char> {
        match c {
            ' '..='~' => Some(c),
            _ if !self.clean => Some(c),
            '\t' | '\n' | '\r' => Some(' '),
            '\u{FFFD}' => None,
            _ if Class::of(c).is_other() => None,
            _ if c.is_whitespace() => Some(' '),
            _ => Some(c),
        }
    }
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
        let chars = segment.char_indices();
        Self {
            source: Source {
                chars,
                base,
                clean: normalizer.clean_text,
            },
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
