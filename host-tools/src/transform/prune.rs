//! A smaller vocabulary: the pieces that a corpus is cut into.
//!
//! WordPiece takes the longest piece that fits, and knows no merges: so any choice of the pieces is
//! a vocabulary, and words whose piece is left out are cut into shorter ones, as Hugging Face does
//! with the same choice. Left in are
//!
//! - the special tokens and all other added ones;
//! - pieces that the corpus yields often enough. If once is, its texts keep their tokens;
//! - the pieces of one character, those that begin a word and those that continue one, of ASCII and of
//!   every character of a piece that is left in: a word that these can spell does not become `[UNK]`
//!   for want of a piece. The ideographs that most vocabularies have are half of a small one.
//!
//! They stay in their order, so the rows of the word embeddings do.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;
use thiserror::Error;

use crate::checkpoint::{Checkpoint, TokenizerSpec};
use crate::tokenizer::{StoredTokenizer, TokenizerBuildError};
use embert::text::EncodeError;

#[derive(Debug, Error)]
pub enum PruneError {
    #[error(transparent)]
    Tokenizer(#[from] TokenizerBuildError),
    #[error("a text of the corpus cannot be read: {0}")]
    Text(#[from] EncodeError),
}

/// Leaves out of a checkpoint's vocabulary what `corpus` does not yield at least `minimum` times.
///
/// # Errors
/// When the vocabulary cannot be stored, or a text is longer than 4 GiB.
pub fn prune(
    checkpoint: &mut Checkpoint,
    corpus: &[String],
    minimum: usize,
) -> Result<(), PruneError> {
    let spec = &checkpoint.tokenizer;
    let counts = counts(spec, corpus)?;
    let special = [
        Some(spec.unk),
        Some(spec.cls),
        Some(spec.sep),
        spec.pad,
        spec.mask,
    ];
    let added = spec.added_tokens.iter().map(|token| token.id);
    let often = |count: usize| count >= minimum.max(1);
    let counted = || spec.pieces.iter().zip(counts.iter().copied());
    let pieces = counted().filter(|&(_, count)| often(count));
    let spelt: HashSet<char> = pieces.flat_map(|(piece, _)| piece.chars()).collect();
    let needed = |piece: &str| character(piece).is_some_and(|c| c.is_ascii() || spelt.contains(&c));
    let mut kept: Vec<u32> = (0..)
        .zip(counted())
        .filter(|&(_, (piece, count))| often(count) || needed(piece))
        .map(|(id, _)| id)
        .chain(special.into_iter().flatten())
        .chain(added)
        .collect();
    kept.sort_unstable();
    kept.dedup();
    keep(checkpoint, &kept);
    Ok(())
}

/// A line for each piece, in the order of the ids: what Hugging Face reads as `vocab.txt`.
pub fn vocab_txt(spec: &TokenizerSpec) -> String {
    spec.pieces
        .iter()
        .map(|piece| piece.clone() + "\n")
        .collect()
}

/// How often the corpus yields each piece.
pub(crate) fn counts(spec: &TokenizerSpec, corpus: &[String]) -> Result<Vec<usize>, PruneError> {
    let tokenizer = StoredTokenizer::of(spec)?;
    let reader = tokenizer.reader()?;
    let none = || vec![0; spec.pieces.len()];
    let counted = corpus.par_iter().try_fold(none, |mut counts, text| {
        for token in reader.tokens(text, usize::MAX)? {
            counts[token.id as usize] += 1;
        }
        Ok(counts)
    });
    counted.try_reduce(none, |a, b| {
        Ok(a.iter().zip(b).map(|(a, b)| a + b).collect())
    })
}

/// The one that a piece consists of, if it does.
fn character(piece: &str) -> Option<char> {
    let word = piece.strip_prefix("##").filter(|word| !word.is_empty());
    let mut characters = word.unwrap_or(piece).chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// Leaves the pieces of these ids, in this order.
fn keep(checkpoint: &mut Checkpoint, kept: &[u32]) {
    let new: HashMap<u32, u32> = kept.iter().copied().zip(0..).collect();
    let spec = &mut checkpoint.tokenizer;
    spec.pieces = kept
        .iter()
        .map(|&id| std::mem::take(&mut spec.pieces[id as usize]))
        .collect();
    for id in [&mut spec.unk, &mut spec.cls, &mut spec.sep] {
        *id = new[id];
    }
    for id in [&mut spec.pad, &mut spec.mask].into_iter().flatten() {
        *id = new[id];
    }
    for token in &mut spec.added_tokens {
        token.id = new[&token.id];
    }
    let model = &mut checkpoint.model;
    let width = model.word_width();
    let row = |&id: &u32| &model.word_embeddings[id as usize * width..][..width];
    model.word_embeddings = kept.iter().flat_map(row).copied().collect();
}
