//! The vocabulary, searched in place.
//!
//! # Section format
//!
//! All numbers are little-endian, and the 24-bit ones (`u24`) need no alignment.
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `pieces` | `u32` | number of pieces, at least 1, less than 2^24 |
//! | `initial` | `u32` | how many of them may begin a word |
//! | `continuing` | `u32` | how many of them may continue a word |
//! | `added` | `u32` | number of added tokens |
//! | `text` | `u32` | bytes of text, less than 2^24 |
//! | `initial_order` | `u24[initial]` | ids, strictly ascending by the piece's bytes |
//! | `continuing_order` | `u24[continuing]` | the same; each begins with `##` and goes on |
//! | `added_ids` | `u24[added]` | ids of the tokens that are found in raw text, none empty |
//! | `ends` | `u24[pieces]` | where the piece of each id ends in `text` |
//! | `text` | `u8[text]` | the pieces in the order of their ids, UTF-8 |
//!
//! A piece that no text can yield (an empty one, one of two equal pieces, an added token that
//! the model itself does not know) has an id and a text, but stands in no order.

use core::fmt;

/// The mark of a piece that continues a word.
const CONTINUATION: &str = "##";

type U24 = [u8; 3];

fn value(bytes: &U24) -> usize {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) as usize
}

/// What is wrong with a vocabulary section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VocabularyError {
    /// The section is not as long as its header says.
    Length,
    /// No piece at all.
    Empty,
    /// An id without a piece.
    Id,
    /// A piece that ends before it begins or behind the text, or a text that no piece ends.
    Bounds,
    /// A piece that is not UTF-8.
    Utf8,
    /// Pieces that are not in strictly ascending order.
    Order,
    /// A continuation that does not begin with `##` and go on.
    Continuation,
    /// An added token without text.
    Added,
}

impl fmt::Display for VocabularyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the vocabulary is not as long as its header says",
            Self::Empty => "the vocabulary has no pieces",
            Self::Id => "the vocabulary refers to an id without a piece",
            Self::Bounds => "a vocabulary piece lies outside of the text",
            Self::Utf8 => "a vocabulary piece is not UTF-8",
            Self::Order => "the vocabulary is not sorted",
            Self::Continuation => "a continuing vocabulary piece does not begin with ##",
            Self::Added => "an added token is empty",
        })
    }
}

impl core::error::Error for VocabularyError {}

/// A WordPiece vocabulary: the pieces with their ids, and which of them are added tokens.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'a> {
    initial: &'a [U24],
    continuing: &'a [U24],
    added: &'a [U24],
    ends: &'a [U24],
    text: &'a str,
}

impl<'a> Vocabulary<'a> {
    /// Checks a section, in time linear in its length, and returns the view of it.
    pub fn parse(section: &'a [u8]) -> Result<Self, VocabularyError> {
        let (header, rest) = section
            .split_first_chunk::<20>()
            .ok_or(VocabularyError::Length)?;
        let (fields, _) = header.as_chunks::<4>();
        let mut lengths = fields.iter().map(|&field| u32::from_le_bytes(field));
        let mut length = || lengths.next().unwrap_or(0);
        let (pieces, initial, continuing, added) = (length(), length(), length(), length());
        let text_length = length();
        if pieces == 0 {
            return Err(VocabularyError::Empty);
        }
        let (initial, rest) = split_ids(rest, initial)?;
        let (continuing, rest) = split_ids(rest, continuing)?;
        let (added, rest) = split_ids(rest, added)?;
        let (ends, text) = split_ids(rest, pieces)?;
        if text.len() as u64 != u64::from(text_length) {
            return Err(VocabularyError::Length);
        }
        let text = core::str::from_utf8(text).map_err(|_| VocabularyError::Utf8)?;
        let vocabulary = Self {
            initial,
            continuing,
            added,
            ends,
            text,
        };
        vocabulary.check()?;
        Ok(vocabulary)
    }

    fn check(&self) -> Result<(), VocabularyError> {
        let mut start = 0;
        for end in self.ends.iter().map(value) {
            if end < start || end > self.text.len() {
                return Err(VocabularyError::Bounds);
            }
            if !self.text.is_char_boundary(end) {
                return Err(VocabularyError::Utf8);
            }
            start = end;
        }
        if start != self.text.len() {
            return Err(VocabularyError::Bounds);
        }
        let all = self.initial.iter().chain(self.continuing).chain(self.added);
        if all.map(value).any(|id| id >= self.ends.len()) {
            return Err(VocabularyError::Id);
        }
        for order in [self.initial, self.continuing] {
            if !order.is_sorted_by(|a, b| self.text_of(a) < self.text_of(b)) {
                return Err(VocabularyError::Order);
            }
        }
        // The least piece is enough: an empty one would be in front of all the others.
        if self
            .initial
            .first()
            .is_some_and(|id| self.text_of(id).is_empty())
        {
            return Err(VocabularyError::Order);
        }
        let goes_on =
            |text: &str| text.len() > CONTINUATION.len() && text.starts_with(CONTINUATION);
        if !self.continuing.iter().all(|id| goes_on(self.text_of(id))) {
            return Err(VocabularyError::Continuation);
        }
        if self.added.iter().any(|id| self.text_of(id).is_empty()) {
            return Err(VocabularyError::Added);
        }
        Ok(())
    }

    /// Number of pieces; the ids are 0 to this number less one.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a vocabulary has at least one piece"
    )]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The piece of an id as it stands in the vocabulary, `##` included.
    pub fn piece(&self, id: u32) -> Option<&'a str> {
        let id = id as usize;
        let end = value(self.ends.get(id)?);
        let start = match id.checked_sub(1) {
            Some(previous) => value(self.ends.get(previous)?),
            None => 0,
        };
        self.text.get(start..end)
    }

    /// The id that WordPiece gives a piece, which is written with `##` if it continues a word.
    pub fn id_of(&self, piece: &str) -> Option<u32> {
        let (continuing, word) = match piece.strip_prefix(CONTINUATION) {
            Some(word) if !word.is_empty() => (true, word),
            _ => (false, piece),
        };
        let (id, length) = self.longest_prefix(continuing, word.as_bytes())?;
        (length == word.len()).then_some(id)
    }

    /// The longest piece that `word` begins with, among those that begin a word or those that
    /// continue one. Returns its id and how many bytes of `word` it takes.
    pub fn longest_prefix(&self, continuing: bool, word: &[u8]) -> Option<(u32, usize)> {
        let (mut order, skip) = match continuing {
            true => (self.continuing, CONTINUATION.len()),
            false => (self.initial, 0),
        };
        let text_of = |id: &U24| self.text_of(id).as_bytes().get(skip..).unwrap_or_default();
        let mut prefix = word;
        loop {
            // The pieces that `prefix` begins with sort in front of it, the longest last. So the
            // last piece in front is the one, or what it has in common bounds the length of all.
            let behind = order.partition_point(|id| text_of(id) <= prefix);
            order = order.get(..behind)?;
            let last = order.last()?;
            let piece = text_of(last);
            let common = piece.iter().zip(prefix).take_while(|(a, b)| a == b).count();
            if common == piece.len() {
                return Some((value(last) as u32, common));
            }
            prefix = prefix.get(..common)?;
        }
    }

    /// The longest added token that `text` begins with: its id and its length in bytes.
    pub(super) fn added_prefix(&self, text: &[u8]) -> Option<(u32, usize)> {
        self.added
            .iter()
            .map(|id| (value(id) as u32, self.text_of(id)))
            .filter(|(_, token)| text.starts_with(token.as_bytes()))
            .map(|(id, token)| (id, token.len()))
            .max_by_key(|&(_, length)| length)
    }

    /// The texts of the added tokens, of which none is empty.
    pub(super) fn added_tokens(&self) -> impl Iterator<Item = &'a str> {
        let vocabulary = *self;
        self.added.iter().map(move |id| vocabulary.text_of(id))
    }

    fn text_of(&self, id: &U24) -> &'a str {
        self.piece(value(id) as u32).unwrap_or_default()
    }
}

fn split_ids(bytes: &[u8], count: u32) -> Result<(&[U24], &[u8]), VocabularyError> {
    let length = usize::try_from(3 * u64::from(count)).map_err(|_| VocabularyError::Length)?;
    let (ids, rest) = bytes
        .split_at_checked(length)
        .ok_or(VocabularyError::Length)?;
    Ok((ids.as_chunks().0, rest))
}
