//! Texts as the model sees them: tokens, and what they should become.

use crate::model::Batch;

/// A text or a pair of texts with what is to be learnt of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    /// `[CLS]` and `[SEP]` included.
    pub ids: Vec<u32>,
    /// Where the second segment begins; the number of tokens if there is none.
    pub segment_b: usize,
    pub target: Target,
}

/// What is right for a text; all empty for one without labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    pub class: Class,
    /// The label of each token, none of those that do not count: special tokens, and all pieces of
    /// a word but the first. Empty where tokens have no labels.
    pub tags: Vec<Option<u32>>,
}

/// The label or labels of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Class {
    #[default]
    None,
    /// One of all.
    One(u32),
    /// Any number: 1 for each that is right, 0 for the others.
    Many(Vec<f32>),
}

/// Examples one after the other.
pub fn batch<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Batch {
    let mut batch = Batch::default();
    for example in examples {
        batch.push(&example.ids, example.segment_b);
    }
    batch
}

/// The label of each token by those of words: of the piece that a word begins with. `words` and
/// `tokens` are places in the text, the tokens' `0..0` if they are of no text.
pub fn align(
    words: &[std::ops::Range<usize>],
    tags: &[u32],
    tokens: &[std::ops::Range<usize>],
) -> Vec<Option<u32>> {
    let mut next = 0;
    let labels = tokens.iter().map(|token| {
        while words.get(next).is_some_and(|word| word.end <= token.start) {
            next += 1;
        }
        let word = words.get(next).filter(|_| !token.is_empty())?;
        if word.start >= token.end {
            return None;
        }
        next += 1;
        tags.get(next - 1).copied()
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_piece_of_a_word_has_its_label() {
        // "play  gogol's rock": play, gogol ' s, rock; special tokens around.
        let words = [0..4, 6..13, 14..18];
        let tokens = [0..0, 0..4, 6..11, 11..12, 12..13, 14..18, 0..0];
        let tags = align(&words, &[7, 8, 9], &tokens);
        let expected = [None, Some(7), Some(8), None, None, Some(9), None];
        assert_eq!(tags, expected);
        // A text that was cut off: words without tokens.
        assert_eq!(align(&words, &[7, 8, 9], &tokens[..2]), [None, Some(7)]);
        // A word that no token is of does not shift the others.
        let tokens = [0..4, 14..18];
        assert_eq!(align(&words, &[7, 8, 9], &tokens), [Some(7), Some(9)]);
    }
}
