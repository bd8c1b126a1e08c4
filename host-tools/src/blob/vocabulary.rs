//! Writes the vocabulary section that [`embert::text::Vocabulary`] reads.

use std::collections::HashMap;

use embert::text::MAX_WORD_CHARS;

use super::trie::{Labels, Stored, Tree};

/// A text that the tokenizer finds in the raw input, such as `[SEP]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddedToken {
    /// Index of its piece.
    pub id: u32,
    /// Whether the WordPiece model knows the piece too; if not, no part of a word becomes it.
    pub in_model: bool,
}

/// Why pieces do not make a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VocabularyBuildError {
    #[error("the vocabulary has no pieces")]
    Empty,
    #[error("the vocabulary is too large: 2^20 pieces or 2^24 bytes of text at most")]
    TooLarge,
    #[error("the added token {0} is empty or not in the vocabulary")]
    AddedToken(u32),
}

/// A section, and what it has made of the ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub bytes: Vec<u8>,
    /// By the blob's ids: the indices of the pieces.
    pub order: Vec<u32>,
}

impl Section {
    /// The blob's id of the piece of this index.
    ///
    /// # Panics
    /// When there is no such piece.
    pub fn id(&self, index: u32) -> u32 {
        let id = self.order.iter().position(|&piece| piece == index);
        id.expect("every piece has an id") as u32
    }
}

/// Builds the section. An empty piece stands for an id without a text. Of equal pieces the last
/// one counts, as when Hugging Face reads a `vocab.txt`.
pub fn build(
    pieces: &[impl AsRef<str>],
    added: &[AddedToken],
) -> Result<Section, VocabularyBuildError> {
    let pieces: Vec<&str> = pieces.iter().map(AsRef::as_ref).collect();
    let text: usize = pieces.iter().map(|piece| piece.len()).sum();
    if pieces.is_empty() {
        return Err(VocabularyBuildError::Empty);
    }
    if pieces.len() > 1 << 20 || text >= 1 << 24 {
        return Err(VocabularyBuildError::TooLarge);
    }
    let is_empty = |id: u32| pieces.get(id as usize).is_none_or(|piece| piece.is_empty());
    if let Some(token) = added.iter().find(|token| is_empty(token.id)) {
        return Err(VocabularyBuildError::AddedToken(token.id));
    }

    let not_in_model = |id: u32| added.iter().any(|token| token.id == id && !token.in_model);
    let known = pieces.iter().copied().zip(0..);
    let last: HashMap<&str, u32> = known.filter(|&(_, id)| !not_in_model(id)).collect();
    let (mut initial, mut continuing, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (id, &piece) in (0..).zip(&pieces) {
        let (list, word) = match piece.strip_prefix("##") {
            Some(word) if !word.is_empty() => (&mut continuing, word),
            _ => (&mut initial, piece),
        };
        let yielded = last.get(piece) == Some(&id)
            && !word.is_empty()
            && word.chars().count() <= MAX_WORD_CHARS;
        match yielded {
            true => list.push((word, id)),
            false => others.push((piece, id)),
        }
    }
    let added = added
        .iter()
        .map(|token| (pieces[token.id as usize], token.id));
    let trees = [Tree::new(initial), Tree::new(continuing), Tree::new(added)];
    let labels = Labels::of(&trees);
    let trees = trees.map(|tree| tree.store(&labels));
    Ok(section(pieces.len(), &labels, &trees, &others))
}

fn section(pieces: usize, labels: &Labels, trees: &[Stored; 3], others: &[(&str, u32)]) -> Section {
    let strings = trees.iter().map(|tree| tree.ids.len());
    let lengths = trees.iter().map(|tree| tree.bytes.len());
    let mut bytes = Vec::new();
    for number in std::iter::once(pieces).chain(strings).chain(lengths) {
        bytes.extend((number as u32).to_le_bytes());
    }
    bytes.extend(labels.bytes());
    for tree in trees {
        bytes.extend(&tree.bytes);
    }
    let [initial, continuing, added] = trees;
    let mut order = [&initial.ids[..], &continuing.ids].concat();
    order.extend(others.iter().map(|(_, id)| id));

    let mut ids = vec![0; pieces];
    for (id, &piece) in (0..).zip(&order) {
        ids[piece as usize] = id;
    }
    let added = added.ids.iter().map(|&piece| ids[piece as usize]);
    let ends = others.iter().scan(0, |end, (piece, _)| {
        *end += piece.len() as u32;
        Some(*end)
    });
    for number in added.chain(ends) {
        bytes.extend(&number.to_le_bytes()[..3]);
    }
    for (piece, _) in others {
        bytes.extend(piece.as_bytes());
    }
    Section { bytes, order }
}
