//! The stretch of a context that answers a question.

use super::logits;
use crate::encoder::Hidden;
use crate::kernels::InstructionSet;
use crate::memory::{Arena, OutOfScratch};
use crate::model::Model;
use crate::text::Token;
use core::ops::Range;

/// The longest answer, in tokens: `max_answer_length` of the paper's code (`run_squad.py` of
/// google-research/bert).
pub const MAX_ANSWER_TOKENS: usize = 30;

/// A stretch of the context, the second text of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Bytes of the context.
    pub start: usize,
    pub end: usize,
    /// The logit of its first token as a start plus that of its last one as an end.
    pub score: f32,
}

/// The best answer among the tokens of `context`, if there are any, and the score of there being
/// none: that of `[CLS]` as start and end (SQuAD 2.0; Devlin et al., section 4.3).
pub(crate) fn answer(
    set: InstructionSet,
    model: &Model<'_>,
    hidden: &Hidden<'_>,
    tokens: &[Token],
    context: Range<usize>,
    arena: &mut Arena<'_>,
) -> Result<(Option<Span>, f32), OutOfScratch> {
    let Some(classifier) = model.head().token_classifier else {
        return Ok((None, 0.0));
    };
    let sums: &mut [i32] = arena.take(classifier.weights.columns)?;
    let mut scores = |token: usize| {
        let input = hidden.activations(token..token + 1);
        let mut logits = logits(set, &input, &classifier, sums);
        let mut next = || logits.next().unwrap_or_default();
        [next(), next()]
    };
    let [start, end] = scores(0);
    let null_score = start + end;
    let span = best_span(context.clone().map(scores)).and_then(|(first, last, score)| {
        Some(Span {
            start: tokens.get(context.start + first)?.start as usize,
            end: tokens.get(context.start + last)?.end as usize,
            score,
        })
    });
    Ok((span, null_score))
}

/// First and last token of the best span and its score, by the logits of each token as start and as
/// end. Of equals, the one that ends first, and of these the longest.
///
/// Takes time for [`MAX_ANSWER_TOKENS`] sums a token and memory for as many starts: only these can
/// belong to the next end.
pub fn best_span(scores: impl Iterator<Item = [f32; 2]>) -> Option<(usize, usize, f32)> {
    let mut starts = [0.0; MAX_ANSWER_TOKENS];
    let mut best: Option<(usize, usize, f32)> = None;
    for (last, [start, end]) in scores.enumerate() {
        starts[last % MAX_ANSWER_TOKENS] = start;
        for first in (last + 1).saturating_sub(MAX_ANSWER_TOKENS)..=last {
            let score = starts[first % MAX_ANSWER_TOKENS] + end;
            if best.is_none_or(|(_, _, most)| score > most) {
                best = Some((first, last, score));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by a table of all pairs.
    fn by_table(scores: &[[f32; 2]]) -> Option<(usize, usize, f32)> {
        let all = (0..scores.len()).flat_map(|last| (0..=last).map(move |first| (first, last)));
        let short = all.filter(|(first, last)| last - first < MAX_ANSWER_TOKENS);
        let scored = short.map(|(first, last)| (first, last, scores[first][0] + scores[last][1]));
        scored.reduce(|best, next| if next.2 > best.2 { next } else { best })
    }

    #[test]
    fn the_best_of_all_spans_is_found() {
        let mut state = 1u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Few values, so that there are equals.
            (state >> 29) as f32 - 4.0
        };
        for len in 0..100 {
            let scores: Vec<[f32; 2]> = (0..len).map(|_| [random(), random()]).collect();
            assert_eq!(
                best_span(scores.iter().copied()),
                by_table(&scores),
                "{scores:?}"
            );
        }
    }

    #[test]
    fn an_answer_has_thirty_tokens_at_most() {
        let mut scores = [[0.0; 2]; 40];
        scores[5][0] = 9.0;
        scores[34][1] = 9.0;
        assert_eq!(best_span(scores.into_iter()), Some((5, 34, 18.0)));
        scores[34][1] = 0.0;
        scores[35][1] = 9.5;
        assert_eq!(best_span(scores.into_iter()), Some((6, 35, 9.5)));
    }

    #[test]
    fn an_answer_does_not_end_before_it_starts() {
        let scores = [[0.0, 9.0], [9.0, 0.0]];
        assert_eq!(best_span(scores.into_iter()), Some((0, 0, 9.0)));
    }
}
