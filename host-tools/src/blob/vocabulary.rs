//! Writes the vocabulary section that [`embert::text::Vocabulary`] reads.

use std::collections::HashMap;

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
    #[error("the vocabulary is too large: 2^24 pieces or bytes of text at most")]
    TooLarge,
    #[error("the added token {0} is empty or not in the vocabulary")]
    AddedToken(u32),
}

/// Builds the section. The index of a piece is its id; an empty piece stands for an id without a
/// text. Of equal pieces the last one counts, as when Hugging Face reads a `vocab.txt`.
pub fn build(
    pieces: &[impl AsRef<str>],
    added: &[AddedToken],
) -> Result<Vec<u8>, VocabularyBuildError> {
    let pieces: Vec<&str> = pieces.iter().map(AsRef::as_ref).collect();
    let text: String = pieces.concat();
    if pieces.is_empty() {
        return Err(VocabularyBuildError::Empty);
    }
    if pieces.len() >= 1 << 24 || text.len() >= 1 << 24 {
        return Err(VocabularyBuildError::TooLarge);
    }
    let is_empty = |id: u32| pieces.get(id as usize).is_none_or(|piece| piece.is_empty());
    if let Some(token) = added.iter().find(|token| is_empty(token.id)) {
        return Err(VocabularyBuildError::AddedToken(token.id));
    }

    let not_in_model = |id: u32| added.iter().any(|token| token.id == id && !token.in_model);
    let ids: HashMap<&str, u32> = (0..)
        .zip(&pieces)
        .filter(|&(id, piece)| !piece.is_empty() && !not_in_model(id))
        .map(|(id, &piece)| (piece, id))
        .collect();
    let mut sorted: Vec<(&str, u32)> = ids.into_iter().collect();
    // The bytes after a common "##" order as the whole pieces do.
    sorted.sort_unstable();
    let (continuing, initial): (Vec<_>, Vec<_>) = sorted
        .iter()
        .partition(|(piece, _)| piece.len() > 2 && piece.starts_with("##"));
    let ends = pieces.iter().scan(0, |end, piece| {
        *end += piece.len() as u32;
        Some(*end)
    });

    let counts = [
        pieces.len(),
        initial.len(),
        continuing.len(),
        added.len(),
        text.len(),
    ];
    let mut section = Vec::new();
    for count in counts {
        section.extend((count as u32).to_le_bytes());
    }
    let order = initial.iter().chain(&continuing).map(|(_, id)| *id);
    for number in order.chain(added.iter().map(|token| token.id)).chain(ends) {
        section.extend(&number.to_le_bytes()[..3]);
    }
    section.extend(text.as_bytes());
    Ok(section)
}
