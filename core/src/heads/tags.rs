//! Tags of words in IOB2 (Tjong Kim Sang and Veenstra, 1999): `B-X` begins an entity, `I-X` goes on
//! with it, `O` is outside. Of all sequences in which `I-X` follows `B-X` or `I-X` alone, the most
//! probable one (Viterbi, 1967).

use super::TokenLabel;
use crate::text::Token;

/// What [`decode_tags`] works with.
#[derive(Debug)]
pub struct ViterbiScratch<'s> {
    /// Per label: 1 where it is the `I-` of the label before it, a `B-`; else 0.
    pub inside: &'s mut [u8],
    /// Per label, what the best sequence that ends with it has scored.
    pub best: &'s mut [f32],
    /// Per label, what a token scores.
    pub logits: &'s mut [f32],
    /// Per token, [`step_bytes`] of a bit a label: whether the best sequence that ends with this `I-`
    /// came from the same `I-`, not from its `B-`.
    pub steps: &'s mut [u8],
}

/// Bytes of a token in [`ViterbiScratch::steps`].
pub const fn step_bytes(labels: usize) -> usize {
    labels.div_ceil(8)
}

impl ViterbiScratch<'_> {
    /// Finds the labels that go on with the one before them.
    pub fn name<'a>(&mut self, mut names: impl Iterator<Item = &'a str>) {
        let mut before = names.next().unwrap_or_default();
        self.inside.fill(0);
        for (inside, name) in self.inside.iter_mut().skip(1).zip(names) {
            let kinds = (before.strip_prefix("B-"), name.strip_prefix("I-"));
            *inside = u8::from(matches!(kinds, (Some(a), Some(b)) if a == b));
            before = name;
        }
    }

    /// The same label within an entity: of `B-X` its `I-X`, of any other the label itself.
    fn continued(&self, label: u32) -> u32 {
        label + u32::from(self.is_inside(label as usize + 1))
    }

    fn is_inside(&self, label: usize) -> bool {
        label > 0 && self.inside.get(label) == Some(&1)
    }
}

/// What a token is to its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordPosition {
    /// Of no word, as `[CLS]`: it gets no label.
    None,
    /// The word's tag is the token's.
    First,
    /// A later piece of it.
    Later,
}

impl WordPosition {
    /// Of a token whose piece continues a word, or does not.
    pub fn of(token: &Token, continues: bool) -> Self {
        match (token.start < token.end, continues) {
            (false, _) => WordPosition::None,
            (true, false) => WordPosition::First,
            (true, true) => WordPosition::Later,
        }
    }
}

/// Gives each token the tag of its word. `logits` computes the scores of a token for each label; it is
/// called twice for the first of each word.
///
/// Takes time for a few sums a label and token: what precedes `O` and `B-` best is the same for all of
/// them, and `I-X` has two predecessors.
pub fn decode_tags(
    tokens: &mut [TokenLabel],
    place: impl Fn(usize) -> WordPosition,
    mut logits: impl FnMut(usize, &mut [f32]),
    memory: &mut ViterbiScratch<'_>,
) {
    let width = step_bytes(memory.best.len());
    memory.steps.fill(0);
    let mut last = None;
    for token in 0..tokens.len() {
        if place(token) != WordPosition::First {
            continue;
        }
        logits(token, memory.logits);
        // Less what the best sequence so far has scored: sums stay small, however long the text.
        let top = match last {
            None => 0,
            Some(_) => largest(memory.best),
        };
        if let Some(out) = tokens.get_mut(token) {
            out.label = top as u32;
        }
        let most = memory.best.get(top).copied().unwrap_or_default();
        for label in (0..memory.best.len()).rev() {
            let score = memory.logits.get(label).copied().unwrap_or_default();
            let sum = match (memory.is_inside(label), last) {
                (false, _) => score,
                (true, None) => f32::NEG_INFINITY,
                (true, Some(_)) => {
                    let (begun, within) = (memory.best[label - 1], memory.best[label]);
                    if within >= begun
                        && let Some(steps) = memory.steps.get_mut(token * width + label / 8)
                    {
                        *steps |= 1 << (label % 8);
                    }
                    within.max(begun) - most + score
                }
            };
            memory.best[label] = sum;
        }
        last = Some(token);
    }

    // From the last word back, each label says which one came before it.
    let mut label = largest(memory.best);
    for token in (0..tokens.len()).rev() {
        if place(token) != WordPosition::First {
            continue;
        }
        let before = tokens.get(token).map_or(0, |out| out.label as usize);
        let steps = memory.steps.get(token * width + label / 8);
        let stays = steps.is_some_and(|steps| steps >> (label % 8) & 1 == 1);
        logits(token, memory.logits);
        if let Some(out) = tokens.get_mut(token) {
            *out = TokenLabel {
                label: label as u32,
                score: probability(memory.logits, label),
            };
        }
        label = match (memory.is_inside(label), stays) {
            (false, _) => before,
            (true, true) => label,
            (true, false) => label - 1,
        };
    }

    let mut word = TokenLabel::default();
    for (token, out) in tokens.iter_mut().enumerate() {
        match place(token) {
            WordPosition::None => *out = TokenLabel::default(),
            WordPosition::First => word = *out,
            WordPosition::Later => {
                *out = TokenLabel {
                    label: memory.continued(word.label),
                    ..word
                };
            }
        }
    }
}

/// The first of the largest.
fn largest(scores: &[f32]) -> usize {
    let mut largest = 0;
    for (index, &score) in scores.iter().enumerate() {
        if score > scores[largest] {
            largest = index;
        }
    }
    largest
}

/// Of one label, by softmax.
fn probability(logits: &[f32], label: usize) -> f32 {
    let Some(&logit) = logits.get(label) else {
        return 0.0;
    };
    1.0 / logits
        .iter()
        .fold(0.0, |sum, other| sum + libm::expf(other - logit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = ["O", "B-a", "I-a", "B-b", "I-b", "I-c"];

    /// The best of all valid sequences, tried one by one.
    fn by_trying(rows: &[[f32; 6]]) -> (f32, Vec<Vec<usize>>) {
        let valid = |sequence: &[usize]| {
            let before = core::iter::once(0).chain(sequence.iter().copied());
            before.zip(sequence).all(|(before, &label)| match label {
                2 => before == 1 || before == 2,
                4 => before == 3 || before == 4,
                _ => true,
            })
        };
        let (mut most, mut best) = (f32::NEG_INFINITY, Vec::new());
        for number in 0..6usize.pow(rows.len() as u32) {
            let digit = |place: usize| number / 6usize.pow(place as u32) % 6;
            let sequence: Vec<usize> = (0..rows.len()).map(digit).collect();
            if !valid(&sequence) {
                continue;
            }
            let score = sequence.iter().zip(rows).map(|(&l, row)| row[l]).sum();
            if score > most {
                (most, best) = (score, Vec::new());
            }
            if score == most {
                best.push(sequence);
            }
        }
        (most, best)
    }

    fn decoded(rows: &[[f32; 6]], places: &[WordPosition]) -> Vec<TokenLabel> {
        let mut tokens = vec![
            TokenLabel {
                label: 9,
                score: 9.0
            };
            places.len()
        ];
        let mut memory = ViterbiScratch {
            inside: &mut [7; 6],
            best: &mut [7.0; 6],
            logits: &mut [7.0; 6],
            steps: &mut vec![7; places.len()],
        };
        memory.name(NAMES.into_iter());
        // The row of a token: as many firsts as stand before it.
        let row = |token: usize| {
            places[..token]
                .iter()
                .filter(|p| **p == WordPosition::First)
                .count()
        };
        let logits = |token, out: &mut [f32]| out.copy_from_slice(&rows[row(token)]);
        decode_tags(&mut tokens, |token| places[token], logits, &mut memory);
        tokens
    }

    #[test]
    fn the_best_valid_sequence_is_found() {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few values, so that there are equals.
            (state >> 28) as f32 / 4.0
        };
        for round in 0..600 {
            let rows: Vec<[f32; 6]> = (0..round % 6).map(|_| [(); 6].map(|()| random())).collect();
            let found = decoded(&rows, &vec![WordPosition::First; rows.len()]);
            let labels: Vec<usize> = found.iter().map(|f| f.label as usize).collect();
            let (_, best) = by_trying(&rows);
            assert!(best.contains(&labels), "{labels:?} of {rows:?}");
            for (row, found) in rows.iter().zip(found) {
                let sum: f32 = row.iter().map(|v| v.exp()).sum();
                let expected = row[found.label as usize].exp() / sum;
                assert!((found.score - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn pieces_have_the_tag_of_their_word() {
        use WordPosition::{First, Later, None};
        // B-a, of whose word there is a piece more; I-a against a slightly better O.
        let rows = [
            [0.0, 5.0, 0.0, 0.0, 0.0, 0.0],
            [1.0, 0.0, 4.0, 0.0, 0.0, 0.0],
            [3.0, 0.0, 0.0, 0.0, 4.0, 0.0],
        ];
        let places = [None, First, Later, Later, First, Later, First, None];
        let labels: Vec<u32> = decoded(&rows, &places).iter().map(|l| l.label).collect();
        assert_eq!(labels, [0, 1, 2, 2, 2, 2, 0, 0]);
        assert_eq!(decoded(&[], &[None, None]), [TokenLabel::default(); 2]);
    }
}
