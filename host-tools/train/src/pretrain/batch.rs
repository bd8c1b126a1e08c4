//! Exercises (Devlin et al., section 3.1 and appendix A.1): pairs of segments from documents, of which
//! some tokens are hidden.
//!
//! All that is random follows from the seed and the number of the sequence: a run can be repeated and
//! taken up again.

use super::corpus::Corpus;
use crate::model::Batch;
use crate::random::Random;
use embert_tools::checkpoint::TokenizerSpec;
use std::ops::Range;

/// Share of the tokens that are to be guessed.
const GUESSED: f64 = 0.15;

/// Places that are looked at for a segment that another follows.
const TRIES: usize = 50;

/// How exercises are made.
#[derive(Clone, Copy, Debug)]
pub struct BatchSampler<'a> {
    pub corpus: &'a Corpus,
    pub spec: &'a TokenizerSpec,
    /// Of `[MASK]`.
    pub mask: u32,
    /// Tokens of a sequence, `[CLS]` and both `[SEP]` included, at most.
    pub tokens: usize,
    /// All pieces of a word are hidden together.
    pub whole_words: bool,
    pub seed: u64,
}

/// Sequences with what is to be guessed of them.
#[derive(Clone, Debug, Default)]
pub struct PretrainingBatch {
    pub batch: Batch,
    /// Tokens to guess, ascending, and what they are.
    pub masked: Vec<usize>,
    pub words: Vec<Option<u32>>,
    /// For each sequence: 0 where the second segment follows the first, else 1.
    pub next: Vec<Option<u32>>,
}

impl BatchSampler<'_> {
    /// The sequences of these numbers.
    pub fn exercise(&self, sequences: Range<u64>) -> PretrainingBatch {
        let mut exercise = PretrainingBatch::default();
        for sequence in sequences {
            let mut random = Random(self.seed ^ sequence.wrapping_mul(0xd1b5_4a32_d192_ed03));
            let (a, b, follows) = self.pair(&mut random);
            self.add(&a, &b, follows, &mut random, &mut exercise);
        }
        exercise
    }

    /// Two segments: one after the other in a document, or half of the time the second from another.
    fn pair(&self, random: &mut Random) -> (Vec<u32>, Vec<u32>, bool) {
        let room = self.tokens.saturating_sub(3);
        let documents = &self.corpus.documents;
        let wanted = random.below(2) == 0;
        let (mut document, mut start, mut next, mut a) = (0, 0, 0, Vec::new());
        // Where nothing follows, another place is sought; documents of one sentence have none.
        for _ in 0..TRIES {
            (document, start) = self.corpus.place(random);
            let sentences = &documents[document];
            (a, next) = take(&sentences[start..], room / 2);
            if !wanted || start + next < sentences.len() {
                break;
            }
        }
        let follows = wanted && start + next < documents[document].len();
        let rest = if follows {
            &documents[document][start + next..]
        } else {
            let (other, start) = self.elsewhere(document, random);
            &documents[other][start..]
        };
        let (b, _) = take(rest, room - a.len());
        (a, b, follows)
    }

    /// A sentence of another document, if there is one.
    fn elsewhere(&self, document: usize, random: &mut Random) -> (usize, usize) {
        let mut place = self.corpus.place(random);
        for _ in 0..TRIES {
            if place.0 != document {
                break;
            }
            place = self.corpus.place(random);
        }
        place
    }

    fn add(
        &self,
        a: &[u32],
        b: &[u32],
        follows: bool,
        random: &mut Random,
        exercise: &mut PretrainingBatch,
    ) {
        let mut ids = vec![self.spec.cls];
        ids.extend(a);
        ids.push(self.spec.sep);
        let segment_b = ids.len();
        ids.extend(b);
        ids.push(self.spec.sep);
        let first = exercise.batch.tokens();
        let mut guessed = self.guessed(&ids, random);
        guessed.sort_unstable();
        for index in guessed {
            exercise.masked.push(first + index);
            exercise.words.push(Some(ids[index]));
            // 80% hidden, 10% another piece, 10% as they are.
            match random.below(10) {
                0..8 => ids[index] = self.mask,
                8 => ids[index] = random.below(self.spec.pieces.len()) as u32,
                _ => {}
            }
        }
        exercise.next.push(Some(u32::from(!follows)));
        exercise.batch.push(&ids, segment_b);
    }

    /// Which tokens are to be guessed: 15%, one at least, none of the special ones.
    fn guessed(&self, ids: &[u32], random: &mut Random) -> Vec<usize> {
        let special = [self.spec.cls, self.spec.sep];
        // Words, or tokens one by one.
        let mut words: Vec<Vec<usize>> = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            if special.contains(id) {
                continue;
            }
            let goes_on = self.spec.pieces[*id as usize].starts_with("##");
            match words.last_mut().filter(|word| {
                self.whole_words && goes_on && word.last().is_some_and(|last| last + 1 == index)
            }) {
                Some(word) => word.push(index),
                None => words.push(vec![index]),
            }
        }
        let tokens: usize = words.iter().map(Vec::len).sum();
        let most = ((tokens as f64 * GUESSED).round() as usize).max(1);
        let mut guessed = Vec::new();
        while !words.is_empty() && guessed.len() < most {
            let word = words.swap_remove(random.below(words.len()));
            if guessed.is_empty() || guessed.len() + word.len() <= most {
                guessed.extend(word);
            }
        }
        guessed
    }
}

/// The ids of the first sentences, as many whole ones as there is room for or the beginning of the
/// first, and how many sentences these are.
fn take(sentences: &[Vec<u32>], room: usize) -> (Vec<u32>, usize) {
    let mut ids = Vec::new();
    for (index, sentence) in sentences.iter().enumerate() {
        if ids.len() + sentence.len() > room && index > 0 {
            return (ids, index);
        }
        ids.extend(sentence);
        ids.truncate(room);
    }
    (ids, sentences.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use embert_tests::tiny::{Flavour, SEQUENCE};
    use embert_tools::checkpoint::Checkpoint;

    /// Documents of sentences of words of two pieces: `a ##a`, `b ##b`.
    fn corpus() -> (Checkpoint, Corpus) {
        let folder = tempfile::tempdir().unwrap();
        SEQUENCE
            .write(folder.path(), Flavour::usual(&SEQUENCE))
            .unwrap();
        let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
        let sentence = |seed: usize| -> Vec<u32> {
            (0..3 + seed % 4)
                .flat_map(|i| {
                    let letter = ((seed * 7 + i * 3) % 26) as u32;
                    [5 + letter, 31 + letter]
                })
                .collect()
        };
        let document = |d: usize| (0..5 + d % 3).map(|s| sentence(d * 100 + s)).collect();
        (
            checkpoint,
            Corpus::new((0..20).map(document).collect()).unwrap(),
        )
    }

    #[test]
    fn a_share_is_guessed_and_half_of_the_pairs_follow() {
        let (checkpoint, corpus) = corpus();
        let spec = &checkpoint.tokenizer;
        let mask = spec.mask.unwrap();
        for whole_words in [false, true] {
            let maker = BatchSampler {
                corpus: &corpus,
                spec,
                mask,
                tokens: 32,
                whole_words,
                seed: 3,
            };
            let exercise = maker.exercise(0..2000);
            let again = maker.exercise(0..2000).batch;
            assert_eq!(exercise.batch, again, "the same sequences");
            assert_ne!(exercise.batch, maker.exercise(1..2001).batch);
            let PretrainingBatch {
                batch,
                masked,
                words,
                next,
            } = exercise;
            assert!(batch.sequences.iter().all(|sequence| sequence.len() <= 32));
            let special = 3 * batch.sequences.len();
            let share = masked.len() as f64 / (batch.tokens() - special) as f64;
            assert!((0.12..0.16).contains(&share), "{share}");
            assert!(masked.is_sorted() && words.len() == masked.len());
            let of = |what: fn(u32, u32, u32) -> bool| {
                let pairs = masked.iter().zip(&words);
                let found = pairs.filter(|(at, word)| what(batch.ids[**at], word.unwrap(), mask));
                found.count() as f64 / masked.len() as f64
            };
            let hidden = of(|id, _, mask| id == mask);
            assert!((0.78..0.82).contains(&hidden), "{hidden}");
            let kept = of(|id, word, _| id == word);
            assert!((0.09..0.13).contains(&kept), "{kept}");
            let follow = next.iter().filter(|next| **next == Some(0)).count();
            assert!((800..1100).contains(&follow), "{follow}");
            if whole_words {
                // Pieces of a word go together: next to each guessed one is its other half.
                let alone = masked.iter().filter(|&&at| {
                    let other = |at: &usize| masked.binary_search(at).is_ok();
                    !other(&(at + 1)) && !other(&(at.wrapping_sub(1)))
                });
                assert!(alone.count() < masked.len() / 20);
            }
        }
    }
}
