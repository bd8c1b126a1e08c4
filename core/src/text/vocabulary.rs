//! The vocabulary, searched in place.
//!
//! # Section format
//!
//! All numbers are little-endian, and the 24-bit ones (`u24`) need no alignment.
//!
//! | field | type | meaning |
//! | --- | --- | --- |
//! | `pieces` | `u32` | number of pieces, at least 1, at most 2^20 |
//! | `strings` | `u32[3]` | strings of each of the three trees |
//! | `bytes` | `u32[3]` | what each of them takes |
//! | `labels` | `u8[32]` | bytes by their codes in the trees |
//! | `initial` | tree | the pieces that may begin a word |
//! | `continuing` | tree | those that may continue one, without their `##` |
//! | `added` | tree | the tokens that are found in raw text |
//! | `added_ids` | `u24` each | the ids of those, by rank |
//! | `ends` | `u24` each | where each of the other pieces ends in `text` |
//! | `text` | `u8` each | the other pieces, UTF-8 |
//!
//! The format of a tree is `trie.rs`'s. Pieces have their ids in the order of this section: those
//! that may begin a word by rank, then those that may continue one, then the others. So an id
//! needs no room, and the rows of the word embeddings stand in that order. The others are those
//! that WordPiece never yields: empty ones, all but the last of equal ones, pieces longer than
//! any word, and added tokens that the model itself does not know.

use core::fmt::{self, Write};

use super::trie::{Bytes, Labels, Trie, U24, value};

/// The mark of a piece that continues a word.
const CONTINUATION: &str = "##";

const MAX_PIECES: u32 = 1 << 20;

/// What is wrong with a vocabulary section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VocabularyError {
    /// The section is not as long as its header says.
    Length,
    /// No piece at all, or more than 2^20.
    Count,
    /// A tree that is none, or has another number of strings.
    Tree,
    /// An id without a piece.
    Id,
    /// A piece that ends before it begins or behind the text, or a text that no piece ends.
    Bounds,
    /// A piece that is not UTF-8.
    Utf8,
}

impl fmt::Display for VocabularyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the vocabulary is not as long as its header says",
            Self::Count => "the vocabulary has no pieces, or more than 2^20",
            Self::Tree => "a tree of the vocabulary is broken",
            Self::Id => "the vocabulary refers to an id without a piece",
            Self::Bounds => "a vocabulary piece lies outside of the text",
            Self::Utf8 => "a vocabulary piece is not UTF-8",
        })
    }
}

impl core::error::Error for VocabularyError {}

/// A WordPiece vocabulary: the pieces with their ids, and which of them are added tokens.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'a> {
    initial: Trie<'a>,
    continuing: Trie<'a>,
    added: Trie<'a>,
    added_ids: &'a [U24],
    ends: &'a [U24],
    text: &'a str,
}

impl<'a> Vocabulary<'a> {
    /// Checks a section, in time linear in its length, and returns the view of it.
    ///
    /// Any bytes that pass give pieces, if not those that were meant, and ids that have one.
    pub fn parse(section: &'a [u8]) -> Result<Self, VocabularyError> {
        let (fields, rest) = section
            .split_first_chunk::<28>()
            .ok_or(VocabularyError::Length)?;
        let mut numbers = fields.as_chunks().0.iter().map(|&n| u32::from_le_bytes(n));
        let mut number = || numbers.next().unwrap_or_default();
        let pieces = number();
        let strings = [number(), number(), number()];
        let bytes = [number(), number(), number()];
        let (labels, mut rest) = rest
            .split_first_chunk::<32>()
            .ok_or(VocabularyError::Length)?;
        if !(1..=MAX_PIECES).contains(&pieces) {
            return Err(VocabularyError::Count);
        }
        let mut tree = |index: usize| tree(&mut rest, bytes[index], labels, strings[index]);
        let (initial, continuing, added) = (tree(0)?, tree(1)?, tree(2)?);
        let others = pieces
            .checked_sub(initial.len())
            .and_then(|n| n.checked_sub(continuing.len()))
            .ok_or(VocabularyError::Id)?;
        let added_ids = numbers24(&mut rest, added.len())?;
        let ends = numbers24(&mut rest, others)?;
        if added_ids.iter().any(|&id| value(id) >= pieces) {
            return Err(VocabularyError::Id);
        }
        let text = core::str::from_utf8(rest).map_err(|_| VocabularyError::Utf8)?;
        check_ends(ends, text)?;
        Ok(Self {
            initial,
            continuing,
            added,
            added_ids,
            ends,
            text,
        })
    }

    /// Number of pieces; the ids are 0 to this number less one.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a vocabulary has at least one piece"
    )]
    pub fn len(&self) -> usize {
        self.initial.len() as usize + self.continuing.len() as usize + self.ends.len()
    }

    /// The piece of an id.
    pub fn piece(&self, id: u32) -> Option<Piece<'a>> {
        let continuing = match id.checked_sub(self.initial.len()) {
            None => return Some(Piece::new("", self.initial.string(id))),
            Some(rank) => rank,
        };
        let other = match continuing.checked_sub(self.continuing.len()) {
            None => return Some(Piece::new(CONTINUATION, self.continuing.string(continuing))),
            Some(index) => index as usize,
        };
        let end = value(*self.ends.get(other)?) as usize;
        let start = other
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .map_or(0, |&end| value(end) as usize);
        Some(Piece::new(self.text.get(start..end)?, Bytes::EMPTY))
    }

    /// Whether a piece continues a word: it is written with `##`.
    pub fn continues(&self, id: u32) -> bool {
        let rank = id.checked_sub(self.initial.len());
        rank.is_some_and(|rank| rank < self.continuing.len())
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
        let (tree, first) = match continuing {
            true => (&self.continuing, self.initial.len()),
            false => (&self.initial, 0),
        };
        let (rank, length) = tree.longest_prefix(word)?;
        Some((first + rank, length))
    }

    /// The longest added token that `text` begins with: its id and its length in bytes.
    pub(super) fn added_prefix(&self, text: &[u8]) -> Option<(u32, usize)> {
        let (rank, length) = self.added.longest_prefix(text)?;
        Some((value(*self.added_ids.get(rank as usize)?), length))
    }

    /// The bytes that added tokens begin with.
    pub(super) fn added_first_bytes(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.added.first_bytes()
    }
}

/// A piece as it stands in the vocabulary, `##` included, byte by byte: it lies nowhere in one.
#[derive(Clone, Debug)]
pub struct Piece<'a> {
    text: core::str::Bytes<'a>,
    tree: Bytes<'a>,
}

impl<'a> Piece<'a> {
    fn new(text: &'a str, tree: Bytes<'a>) -> Self {
        let text = text.bytes();
        Self { text, tree }
    }
}

impl Iterator for Piece<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.text.next().or_else(|| self.tree.next())
    }
}

impl fmt::Display for Piece<'_> {
    /// Writes the text; what is not UTF-8 in a corrupt vocabulary as replacement characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut char, mut len) = ([0; 4], 0);
        for byte in self.clone() {
            if let Some(free) = char.get_mut(len) {
                *free = byte;
            }
            len += 1;
            match core::str::from_utf8(char.get(..len).unwrap_or_default()) {
                Ok(text) => f.write_str(text)?,
                Err(_) if len < char.len() => continue,
                Err(_) => f.write_char(char::REPLACEMENT_CHARACTER)?,
            }
            len = 0;
        }
        match len {
            0 => Ok(()),
            _ => f.write_char(char::REPLACEMENT_CHARACTER),
        }
    }
}

/// Takes `bytes` bytes off the front: a tree of so many strings.
fn tree<'a>(
    rest: &mut &'a [u8],
    bytes: u32,
    labels: &'a Labels,
    strings: u32,
) -> Result<Trie<'a>, VocabularyError> {
    let bytes = usize::try_from(bytes).map_err(|_| VocabularyError::Length)?;
    let nodes = rest.split_off(..bytes).ok_or(VocabularyError::Length)?;
    Trie::new(nodes, labels, strings).ok_or(VocabularyError::Tree)
}

/// Takes `count` numbers off the front.
fn numbers24<'a>(rest: &mut &'a [u8], count: u32) -> Result<&'a [U24], VocabularyError> {
    let bytes = usize::try_from(3 * u64::from(count)).map_err(|_| VocabularyError::Length)?;
    let numbers = rest.split_off(..bytes).ok_or(VocabularyError::Length)?;
    Ok(numbers.as_chunks().0)
}

fn check_ends(ends: &[U24], text: &str) -> Result<(), VocabularyError> {
    let mut start = 0;
    for end in ends.iter().map(|&end| value(end) as usize) {
        if end < start || end > text.len() {
            return Err(VocabularyError::Bounds);
        }
        if !text.is_char_boundary(end) {
            return Err(VocabularyError::Utf8);
        }
        start = end;
    }
    match start == text.len() {
        true => Ok(()),
        false => Err(VocabularyError::Bounds),
    }
}
