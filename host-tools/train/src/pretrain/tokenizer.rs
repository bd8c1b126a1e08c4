//! The tokenizer of a vocabulary: BERT's, with its special tokens.

use super::wordpiece::SPECIAL;
use embert_tools::checkpoint::{AddedToken, TokenizerSpec};
use std::collections::HashMap;
use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VocabularyError {
    #[error("the vocabulary has no piece {0}: add it as a line of its own")]
    Missing(&'static str),
    #[error("lines {0} and {1} of the vocabulary are the same piece: leave one out")]
    Twice(usize, usize),
}

/// What Hugging Face's `BertTokenizer` makes of these pieces, one a line of `vocab.txt`.
///
/// # Errors
/// When a special token is missing, or a piece is there twice.
pub fn spec(pieces: Vec<String>, cased: bool) -> Result<TokenizerSpec, VocabularyError> {
    let mut ids = HashMap::new();
    for (id, piece) in (0..).zip(&pieces) {
        if let Some(before) = ids.insert(piece.as_str(), id) {
            return Err(VocabularyError::Twice(before as usize + 1, id as usize + 1));
        }
    }
    let id = |name| ids.get(name).copied().ok_or(VocabularyError::Missing(name));
    let [pad, unk, cls, sep, mask] = SPECIAL.map(id);
    let added = SPECIAL.iter().filter_map(|name| {
        Some(AddedToken {
            id: *ids.get(name)?,
            text: (*name).into(),
            in_model: true,
        })
    });
    let mut added_tokens: Vec<AddedToken> = added.collect();
    added_tokens.sort_by_key(|token| token.id);
    Ok(TokenizerSpec {
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: !cased,
        lowercase: !cased,
        max_input_chars_per_word: 100,
        unk: unk?,
        cls: cls?,
        sep: sep?,
        pad: Some(pad?),
        mask: Some(mask?),
        added_tokens,
        pieces,
    })
}
