//! The characters of a text with their byte offsets, cleaned if the model asks for it.

use super::unicode::Class;
use core::str::CharIndices;

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

impl<'a> Source<'a> {
    /// The characters of `segment`, which begins at byte `base` of the text.
    pub fn new(segment: &'a str, base: u32, clean: bool) -> Self {
        Source {
            chars: segment.char_indices(),
            base,
            clean,
        }
    }

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
