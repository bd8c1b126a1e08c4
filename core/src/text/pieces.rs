//! Text to word pieces (WordPiece): added tokens first, then words, then their pieces.

use super::normalize::Normalizer;
use super::token::Token;
use super::vocabulary::Vocabulary;
use super::words::{Word, WordBuffer, Words};

/// The tokenizer without its template of special tokens.
#[derive(Clone, Copy)]
pub(super) struct Pieces<'a> {
    pub vocabulary: Vocabulary<'a>,
    pub normalizer: Normalizer,
    pub unk: u32,
    pub max_word_chars: usize,
    /// Bit set of the first bytes of added tokens, to pass over plain text quickly.
    pub added_first: [u32; 8],
}

impl Pieces<'_> {
    /// The tokens of `text` from a byte on.
    pub(super) fn read(&self, text: &str, mut from: usize, tokens: &mut Tokens) {
        let mut buffer = WordBuffer::new();
        loop {
            let added = self.find_added(text, from);
            let until = added.map_or(text.len(), |(_, start, _)| start);
            let segment = text.get(from..until).unwrap_or_default();
            self.encode_segment(segment, from as u32, &mut buffer, tokens);
            let Some((id, start, end)) = added.filter(|_| !tokens.done()) else {
                break;
            };
            tokens.push(Token {
                id,
                start: start as u32,
                end: end as u32,
            });
            from = end;
        }
    }

    /// The first added token from byte `from` on, the longest of those that begin there: its id,
    /// start and end.
    fn find_added(&self, text: &str, from: usize) -> Option<(u32, usize, usize)> {
        let bytes = text.as_bytes().get(from..)?;
        let candidates = bytes.iter().enumerate().filter(|(_, byte)| {
            self.added_first[usize::from(**byte >> 5)] >> (**byte & 31) & 1 != 0
        });
        for (at, _) in candidates {
            let rest = bytes.get(at..).unwrap_or_default();
            if let Some((id, length)) = self.vocabulary.added_prefix(rest) {
                return Some((id, from + at, from + at + length));
            }
        }
        None
    }

    /// Text without added tokens, which begins at byte `base` of the whole.
    fn encode_segment(&self, text: &str, base: u32, buffer: &mut WordBuffer, tokens: &mut Tokens) {
        let mut words = Words::new(text, base, self.normalizer);
        loop {
            let before = words.clone();
            let Some(word) = words.next(buffer) else {
                break;
            };
            let mark = tokens.count;
            if !self.encode_word(word, buffer.as_bytes(), before, tokens) {
                tokens.count = mark;
                tokens.push(Token {
                    id: self.unk,
                    start: word.start,
                    end: word.end,
                });
            }
            tokens.end_of_word();
            if tokens.done() {
                break;
            }
        }
    }

    /// WordPiece: the longest piece first. False if the word cannot be put together from pieces.
    fn encode_word(&self, word: Word, text: &[u8], before: Words, tokens: &mut Tokens) -> bool {
        if word.chars > self.max_word_chars {
            return false;
        }
        let vocabulary = &self.vocabulary;
        match vocabulary.longest_prefix(false, text) {
            None => return false,
            Some((id, length)) if length == text.len() => {
                tokens.push(Token {
                    id,
                    start: word.start,
                    end: word.end,
                });
                return true;
            }
            Some(_) => {}
        }
        // More than one piece: the text is normalized again to learn where the inner ones lie.
        // That is cheaper than to hold two offsets for every character of a word.
        let mut aligned = before.aligned_chars();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let Some((id, length)) = vocabulary.longest_prefix(at > 0, rest) else {
                return false;
            };
            let chars = rest
                .iter()
                .take(length)
                .filter(|&&byte| byte & 0xC0 != 0x80)
                .count();
            let mut piece = aligned.by_ref().take(chars);
            let Some(first) = piece.next() else {
                return false;
            };
            let last = piece.last().unwrap_or(first);
            tokens.push(Token {
                id,
                start: first.start,
                end: last.end,
            });
            at += length;
        }
        true
    }
}

/// Counts all tokens and keeps those that fit.
pub(super) struct Tokens<'o> {
    pub out: &'o mut [Token],
    pub count: usize,
    pub limit: usize,
    /// Whether words behind the limit are read, too, to be counted.
    pub whole: bool,
    pub seen: Option<usize>,
}

impl Tokens<'_> {
    fn push(&mut self, token: Token) {
        if let Some(slot) = self.out.get_mut(self.count) {
            *slot = token;
        }
        self.count = self.count.saturating_add(1);
    }

    fn end_of_word(&mut self) {
        if self.seen.is_none() && self.count >= self.limit {
            self.seen = Some(self.count);
        }
    }

    fn done(&self) -> bool {
        !self.whole && self.seen.is_some()
    }
}
