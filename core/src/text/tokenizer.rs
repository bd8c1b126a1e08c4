//! Texts to token sequences: `[CLS] A [SEP]` and `[CLS] A [SEP] B [SEP]`.

use core::fmt;

use super::normalize::Normalizer;
use super::pieces::{Pieces, Tokens};
use super::token::Token;
use super::vocabulary::Vocabulary;
use super::words::MAX_WORD_CHARS;

/// The result of [`Tokenizer::encode`] and [`Tokenizer::encode_pair`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Number of tokens, the special ones included.
    pub len: usize,
    /// Where the tokens of segment B begin, with their closing `[SEP]`; `len` for a single text.
    pub segment_b_start: usize,
    /// What was left out for want of room.
    pub truncated: Option<Truncation>,
}

/// What a truncated encoding lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// Number of tokens of the whole input, the special ones included.
    pub needed: usize,
    /// Up to which byte the kept tokens cover the first text.
    pub covered_a: u32,
    /// Up to which byte the kept tokens cover the second text; 0 for a single text.
    pub covered_b: u32,
}

/// Why a text cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// There is no room for the special tokens alone: 2 for a text, 3 for a pair.
    NoRoom,
    /// The text is longer than 2^32 - 1 bytes.
    TextTooLong,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoom => "no room for the special tokens",
            Self::TextTooLong => "the text is longer than 4 GiB",
        })
    }
}

impl core::error::Error for EncodeError {}

/// Why parts do not make a tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenizerError {
    /// The id of `[CLS]`, `[SEP]` or `[UNK]` is not in the vocabulary.
    SpecialToken,
    /// `max_word_chars` is above [`MAX_WORD_CHARS`].
    MaxWordChars,
}

impl fmt::Display for TokenizerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SpecialToken => "a special token is not in the vocabulary",
            Self::MaxWordChars => "words as long as the tokenizer allows are not supported",
        })
    }
}

impl core::error::Error for TokenizerError {}

/// What a [`Tokenizer`] is made of.
#[derive(Clone, Copy)]
pub struct TokenizerParts<'a> {
    pub vocabulary: Vocabulary<'a>,
    pub normalizer: Normalizer,
    /// Id of `[CLS]`.
    pub cls: u32,
    /// Id of `[SEP]`.
    pub sep: u32,
    /// Id of `[UNK]`.
    pub unk: u32,
    /// Words of more characters become `[UNK]`; Hugging Face's `max_input_chars_per_word`.
    pub max_word_chars: usize,
}

/// Hugging Face's `BertTokenizer`.
#[derive(Clone, Copy)]
pub struct Tokenizer<'a> {
    pieces: Pieces<'a>,
    cls: u32,
    sep: u32,
}

impl<'a> Tokenizer<'a> {
    /// Checks that the parts fit together.
    pub fn new(parts: TokenizerParts<'a>) -> Result<Self, TokenizerError> {
        let ids = [parts.cls, parts.sep, parts.unk];
        if ids.iter().any(|&id| id as usize >= parts.vocabulary.len()) {
            return Err(TokenizerError::SpecialToken);
        }
        if parts.max_word_chars > MAX_WORD_CHARS {
            return Err(TokenizerError::MaxWordChars);
        }
        let mut added_first = [0; 8];
        for byte in parts.vocabulary.added_first_bytes() {
            added_first[usize::from(byte >> 5)] |= 1 << (byte & 31);
        }
        Ok(Self {
            pieces: Pieces {
                vocabulary: parts.vocabulary,
                normalizer: parts.normalizer,
                unk: parts.unk,
                max_word_chars: parts.max_word_chars,
                added_first,
            },
            cls: parts.cls,
            sep: parts.sep,
        })
    }

    /// The vocabulary, to turn ids back into pieces.
    pub fn vocabulary(&self) -> &Vocabulary<'a> {
        &self.pieces.vocabulary
    }

    /// Encodes `text` as `[CLS] text [SEP]` into `out`, whose length is the limit of tokens.
    ///
    /// What does not fit is cut off at the end of the text, and the result says so. The whole
    /// text is read in any case, to tell how many tokens it has: time is linear in its length.
    pub fn encode(&self, text: &str, out: &mut [Token]) -> Result<Encoding, EncodeError> {
        checked_length(text)?;
        let room = out.len().checked_sub(2).ok_or(EncodeError::NoRoom)?;
        let total = self.encode_text(text, out.get_mut(1..=room).unwrap_or_default(), usize::MAX);
        Ok(self.single(total.all, room, out))
    }

    /// The same of what stands in `text` from byte `from` on, which begins a character. Places are
    /// those of the whole text, and of what is cut off no more is read than to see that it is there.
    pub(crate) fn encode_from(
        &self,
        text: &str,
        from: usize,
        out: &mut [Token],
    ) -> Result<Encoding, EncodeError> {
        checked_length(text)?;
        let room = out.len().checked_sub(2).ok_or(EncodeError::NoRoom)?;
        let mut tokens = Tokens {
            out: out.get_mut(1..=room).unwrap_or_default(),
            count: 0,
            limit: room.saturating_add(1),
            whole: false,
            seen: None,
        };
        self.pieces.read(text, from, &mut tokens);
        let count = tokens.count;
        Ok(self.single(count, room, out))
    }

    /// The tokens of one text, of which there is room for some, with those of the template.
    fn single(&self, all: usize, room: usize, out: &mut [Token]) -> Encoding {
        let kept = all.min(room);
        let len = kept + 2;
        self.put_special(out, self.cls, 0);
        self.put_special(out, self.sep, len - 1);
        let truncated = (kept < all).then(|| Truncation {
            needed: all.saturating_add(2),
            covered_a: covered(out, 1, kept),
            covered_b: 0,
        });
        Encoding {
            len,
            segment_b_start: len,
            truncated,
        }
    }

    /// Encodes `a` and `b` as `[CLS] a [SEP] b [SEP]` into `out`, whose length is the limit of
    /// tokens.
    ///
    /// What does not fit is cut off at the end of the longer text, or of both to equal lengths
    /// (Hugging Face's `longest_first`), and the result says so. Reads both texts to their ends,
    /// `b` twice when truncated.
    pub fn encode_pair(
        &self,
        a: &str,
        b: &str,
        out: &mut [Token],
    ) -> Result<Encoding, EncodeError> {
        checked_length(a)?;
        checked_length(b)?;
        let limit = out.len();
        let room = limit.checked_sub(3).ok_or(EncodeError::NoRoom)?;
        let total_a = self.encode_text(a, out.get_mut(1..=room).unwrap_or_default(), limit);
        let behind_a = total_a.all.min(room) + 2;
        let total_b = self.encode_text(
            b,
            out.get_mut(behind_a..limit - 1).unwrap_or_default(),
            limit,
        );
        let (kept_a, kept_b) = shares(total_a.seen, total_b.seen, room);
        let segment_b_start = kept_a + 2;
        let len = segment_b_start + kept_b + 1;
        if behind_a != segment_b_start {
            // `a` is cut, so what there is of `b` does not stand where it belongs.
            self.encode_text(
                b,
                out.get_mut(segment_b_start..len - 1).unwrap_or_default(),
                limit,
            );
        }
        self.put_special(out, self.cls, 0);
        self.put_special(out, self.sep, segment_b_start - 1);
        self.put_special(out, self.sep, len - 1);
        let truncated = (kept_a < total_a.all || kept_b < total_b.all).then(|| Truncation {
            needed: total_a.all.saturating_add(total_b.all).saturating_add(3),
            covered_a: covered(out, 1, kept_a),
            covered_b: covered(out, segment_b_start, kept_b),
        });
        Ok(Encoding {
            len,
            segment_b_start,
            truncated,
        })
    }

    fn put_special(&self, out: &mut [Token], id: u32, at: usize) {
        if let Some(slot) = out.get_mut(at) {
            *slot = Token {
                id,
                start: 0,
                end: 0,
            };
        }
    }

    /// The tokens of `text` without the template's, as many as fit into `out`.
    fn encode_text(&self, text: &str, out: &mut [Token], limit: usize) -> Count {
        let mut tokens = Tokens {
            out,
            count: 0,
            limit,
            whole: true,
            seen: None,
        };
        self.pieces.read(text, 0, &mut tokens);
        Count {
            all: tokens.count,
            seen: tokens.seen.unwrap_or(tokens.count),
        }
    }
}

/// Number of tokens of a text.
struct Count {
    all: usize,
    /// Those up to the first word at whose end the limit was reached.
    seen: usize,
}

fn checked_length(text: &str) -> Result<(), EncodeError> {
    u32::try_from(text.len())
        .map(|_| ())
        .map_err(|_| EncodeError::TextTooLong)
}

/// End of the last of `kept` tokens from `start` on.
fn covered(out: &[Token], start: usize, kept: usize) -> u32 {
    let last = kept.checked_sub(1).and_then(|last| out.get(start + last));
    last.map_or(0, |token| token.end)
}

/// How many tokens of either text to keep. The shorter text stays whole if it takes no more than
/// half of the room; otherwise both are cut to half of it.
///
/// Which text gets an odd place is decided by their lengths as the reference sees them: it stops
/// reading either text at the word with which that text alone reaches the limit.
fn shares(a: usize, b: usize, room: usize) -> (usize, usize) {
    if a.saturating_add(b) <= room {
        return (a, b);
    }
    let shorter = a.min(b).min(room / 2);
    let longer = room - shorter;
    if a > b {
        (longer, shorter)
    } else {
        (shorter, longer)
    }
}
