//! Capital letters for a checkpoint that reads none: most small ones that are published are uncased, and
//! names are found by their capitals.
//!
//! Each piece of lower-case letters gets one or two more: `london` also `London` and `LONDON`, `##ing`
//! also `##ING`. Their embeddings begin as its own with a little of a direction that all of the kind
//! share: what is learnt of it holds for words that were never seen so.

use std::collections::HashSet;

use thiserror::Error;

use crate::checkpoint::Checkpoint;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CasedVocabError {
    #[error("the checkpoint's tokenizer reads capital letters already: fine-tune it as it is")]
    Cased,
    #[error(
        "embeddings of a low rank get no capitals: give the checkpoint before it was factorized"
    )]
    LowRank,
}

/// The length of what is added to an embedding, of the mean length of all.
const SHARE: f32 = 0.3;

/// Gives a checkpoint pieces with capital letters, and a tokenizer that keeps them.
///
/// # Errors
/// When the tokenizer keeps them already, or the word embeddings are of a low rank.
pub fn add_cased_vocab(checkpoint: &mut Checkpoint) -> Result<(), CasedVocabError> {
    let (spec, model) = (&mut checkpoint.tokenizer, &mut checkpoint.model);
    if !spec.lowercase {
        return Err(CasedVocabError::Cased);
    }
    if model.word_projection.is_some() {
        return Err(CasedVocabError::LowRank);
    }
    spec.lowercase = false;
    let there: HashSet<String> = spec.pieces.iter().cloned().collect();
    let hidden = model.hidden;
    let length = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>().sqrt();
    let lengths = model.word_embeddings.chunks_exact(hidden).map(length);
    let mean = lengths.sum::<f32>() / there.len().max(1) as f32;
    let step = SHARE * mean / (hidden as f32).sqrt();
    for id in 0..spec.pieces.len() {
        let forms = capitals(&spec.pieces[id]);
        for (kind, form) in forms.into_iter().enumerate() {
            let Some(form) = form.filter(|form| !there.contains(form)) else {
                continue;
            };
            spec.pieces.push(form);
            let own = id * hidden..(id + 1) * hidden;
            for (channel, place) in own.enumerate() {
                let value = model.word_embeddings[place] + sign(kind, channel) * step;
                model.word_embeddings.push(value);
            }
        }
    }
    Ok(())
}

/// A piece with a capital first letter, if it begins a word, and one of capitals alone, if that is
/// another; none where it has anything but lower-case letters that have capitals.
fn capitals(piece: &str) -> [Option<String>; 2] {
    let (marks, letters) = match piece.strip_prefix("##") {
        Some(letters) if !letters.is_empty() => ("##", letters),
        _ => ("", piece),
    };
    let upper = |letter: char| {
        let mut upper = letter.to_uppercase();
        let one = upper.next().filter(|&upper| upper != letter);
        one.filter(|_| upper.next().is_none())
    };
    let all = letters.chars().map(upper).collect::<Option<String>>();
    let Some(all) = all.filter(|all| !all.is_empty()) else {
        return [None, None];
    };
    let first: String = all.chars().take(1).chain(letters.chars().skip(1)).collect();
    let begins = marks.is_empty() && first != all;
    [begins.then_some(first), Some(format!("{marks}{all}"))]
}

/// Of a direction for each kind: signs without an order (the finalizer of MurmurHash3).
fn sign(kind: usize, channel: usize) -> f32 {
    let mut hash = ((2 * channel + kind + 1) as u32).wrapping_mul(0x9e37_79b9);
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    match hash >> 31 {
        0 => 1.0,
        _ => -1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{HeadChoice, Pooling};
    use crate::tokenizer::StoredTokenizer;
    use embert_tests::tiny::{self, Flavour};

    #[test]
    fn pieces_have_capital_forms() {
        let forms = |piece| capitals(piece).map(Option::unwrap_or_default);
        assert_eq!(forms("london"), ["London", "LONDON"]);
        assert_eq!(forms("##ing"), ["", "##ING"]);
        assert_eq!(forms("a"), ["", "A"]);
        assert_eq!(forms("é"), ["", "É"]);
        for none in ["[CLS]", "##", "2nd", "London", "中", "ß", ""] {
            assert_eq!(capitals(none), [None, None], "{none}");
        }
    }

    #[test]
    fn capitals_are_read_and_lie_in_a_direction_of_their_own() {
        let (folder, tiny) = (tempfile::tempdir().unwrap(), &tiny::SEQUENCE);
        tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
        let none = HeadChoice::Embedding(Pooling::Mean);
        let mut checkpoint = Checkpoint::open(folder.path(), Some(none)).unwrap();
        let before = checkpoint.clone();
        add_cased_vocab(&mut checkpoint).unwrap();
        let hidden = checkpoint.model.hidden;
        assert_eq!(
            checkpoint.model.word_embeddings.len(),
            checkpoint.tokenizer.pieces.len() * hidden
        );
        let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer).unwrap();
        let reader = tokenizer.reader().unwrap();
        let read = |text: &str| -> Vec<&str> {
            let tokens = reader.tokens(text, 32).unwrap();
            let pieces = &checkpoint.tokenizer.pieces;
            let pieces = tokens.iter().map(|token| &pieces[token.id as usize][..]);
            pieces.collect()
        };
        assert_eq!(read("the The THE"), ["[CLS]", "the", "The", "THE", "[SEP]"]);

        let id = |piece: &str| {
            let mut pieces = checkpoint.tokenizer.pieces.iter();
            pieces.position(|other| other == piece).unwrap()
        };
        let added = |lower: &str, form: &str| -> Vec<f32> {
            let row = |piece| &checkpoint.model.word_embeddings[id(piece) * hidden..][..hidden];
            row(form)
                .iter()
                .zip(row(lower))
                .map(|(a, b)| a - b)
                .collect()
        };
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near(&added("the", "THE"), &added("b", "B")));
        assert!(near(&added("##ing", "##ING"), &added("b", "B")));
        assert!(!near(&added("the", "The"), &added("the", "THE")));
        let same = before.tokenizer.pieces.len();
        assert_eq!(checkpoint.tokenizer.pieces[..same], before.tokenizer.pieces);
        assert_eq!(
            add_cased_vocab(&mut checkpoint),
            Err(CasedVocabError::Cased)
        );
    }
}
