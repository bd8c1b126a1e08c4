//! Contexts longer than what a model reads at once: windows of them, which overlap, as in the
//! paper's code for questions (`run_squad.py` of google-research/bert).
//!
//! A window is a part of the context, so that whoever reads texts can read it: float model and
//! engine see the same tokens.

use std::ops::Range;

use embert::Span;
use embert::text::{EncodeError, Token, Tokenizer};

/// The most tokens of a question: `max_query_length` of the paper's code.
pub const QUESTION_TOKENS: usize = 64;

/// Tokens from the beginning of a window to that of the next: `doc_stride` of the paper's code.
pub const STRIDE: usize = 128;

/// A question, and the parts of a context that are read with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionWindows<'t> {
    /// Cut off after [`QUESTION_TOKENS`], or after half of what a model can read.
    pub question: &'t str,
    /// Bytes of the context, one range at least. All of the context is in one of them.
    pub parts: Vec<Range<usize>>,
}

impl<'t> QuestionWindows<'t> {
    /// Windows of `limit` tokens at most, question and special tokens included, which begin
    /// `stride` tokens one after the other; half a window, if that is less.
    ///
    /// They begin and end between words, where these are not longer than a window.
    ///
    /// # Errors
    /// When a text is longer than 4 GiB.
    pub fn new(
        tokenizer: &Tokenizer<'_>,
        question: &'t str,
        context: &str,
        limit: usize,
        stride: usize,
    ) -> Result<Self, EncodeError> {
        let room = limit.saturating_sub(3);
        let asked = tokens(tokenizer, question)?;
        let most = QUESTION_TOKENS.min(room / 2);
        let (question, asked) = match asked.get(most) {
            None => (question, asked.len()),
            Some(_) => {
                let end = boundary(tokenizer, &asked, 0, most);
                (part(question, &(0..asked[end].start as usize)), end)
            }
        };
        let room = (room - asked).max(1);
        let tokens = tokens(tokenizer, context)?;
        let (mut parts, mut first) = (Vec::new(), 0);
        let begin = |first: usize| match first {
            0 => 0,
            _ => tokens[first].start as usize,
        };
        while tokens.len() - first > room {
            let end = boundary(tokenizer, &tokens, first, first + room);
            parts.push(begin(first)..tokens[end - 1].end as usize);
            let next = first + stride.clamp(1, room.div_ceil(2));
            first = boundary(tokenizer, &tokens, first, next);
        }
        parts.push(match first {
            0 => 0..context.len(),
            _ => begin(first)..context.len(),
        });
        Ok(QuestionWindows { question, parts })
    }
}

/// The tokens of a text alone.
fn tokens(tokenizer: &Tokenizer<'_>, text: &str) -> Result<Vec<Token>, EncodeError> {
    // Normalization makes a byte of text four characters at most.
    let mut tokens = vec![Token::default(); text.len().saturating_mul(4).saturating_add(2)];
    let encoding = tokenizer.encode(text, &mut tokens)?;
    Ok(tokens[1..encoding.len - 1].to_vec())
}

/// The last token behind `first` and up to `at` that begins a word; `at` if there is none.
fn boundary(tokenizer: &Tokenizer<'_>, tokens: &[Token], first: usize, at: usize) -> usize {
    let begins = |&at: &usize| !tokenizer.vocabulary().continues(tokens[at].id);
    (first + 1..=at).rev().find(begins).unwrap_or(at)
}

/// The part of a text at these bytes.
pub fn part<'t>(text: &'t str, bytes: &Range<usize>) -> &'t str {
    text.get(bytes.clone()).unwrap_or_default()
}

/// What was found in a window, or in all of them: the best span, in bytes, and the score of there
/// being no answer, as [`embert::Output::Answer`] has them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestAnswer {
    pub span: Option<Span>,
    pub null_score: f32,
}

impl BestAnswer {
    /// What was found in a window that begins at this byte of the context, in bytes of the context.
    pub fn shifted(self, start: usize) -> Self {
        let span = self.span.map(|span| Span {
            start: start + span.start,
            end: start + span.end,
            ..span
        });
        BestAnswer { span, ..self }
    }

    /// Of two windows the better span, and the smaller score of no answer: one window that has the
    /// answer is enough.
    pub fn or(self, other: Self) -> Self {
        let better = |a: Span, b: Span| if b.score > a.score { b } else { a };
        let span = match (self.span, other.span) {
            (Some(a), Some(b)) => Some(better(a, b)),
            (a, b) => a.or(b),
        };
        let null_score = self.null_score.min(other.null_score);
        BestAnswer { span, null_score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::tokenizer::StoredTokenizer;
    use embert_tests::tiny::{self, Flavour};

    /// Windows of words of the tiny vocabulary: letters, and `bc` that is two pieces.
    fn windows(
        question: &str,
        context: &str,
        limit: usize,
        stride: usize,
    ) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let tiny = &tiny::SPANS;
        tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
        let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
        let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer).unwrap();
        let reader = tokenizer.reader().unwrap();
        let windows =
            QuestionWindows::new(reader.tokenizer(), question, context, limit, stride).unwrap();
        for window in &windows.parts {
            // Nothing is cut off any more.
            let part = part(context, window);
            let read = reader.pair(windows.question, part, usize::MAX).unwrap();
            assert!(read.0.len() <= limit, "{part}");
        }
        let parts = windows
            .parts
            .iter()
            .map(|window| part(context, window).to_owned());
        (windows.question.to_owned(), parts.collect())
    }

    #[test]
    fn windows_overlap_between_words() {
        // Room for 6 tokens.
        let (_, parts) = windows("x y", "a bc d e bc f g h", 11, 3);
        assert_eq!(parts, ["a bc d e", "d e bc f g", "bc f g h"]);
        // Half a window at most from one to the next.
        let (_, same) = windows("x y", "a bc d e bc f g h", 11, 128);
        assert_eq!(same, parts);
        // All of a context that there is room for, what stands around its words too.
        let (_, one) = windows("x y", " a bc\n", 11, 3);
        assert_eq!(one, [" a bc\n"]);
        let (_, none) = windows("x y", "", 11, 3);
        assert_eq!(none, [""]);
    }

    #[test]
    fn words_longer_than_a_window_are_cut() {
        let (_, parts) = windows("x", "abcdefgh", 8, 2);
        assert_eq!(parts, ["abcd", "cdef", "efgh"]);
    }

    #[test]
    fn long_questions_are_cut_between_words() {
        let (question, parts) = windows("a bcd e f", "g h i", 10, 2);
        assert_eq!((question.as_str(), parts.len()), ("a ", 1));
        let long = "x ".repeat(70);
        let (question, _) = windows(&long, "a", 200, 2);
        assert_eq!(question, "x ".repeat(64));
    }

    #[test]
    fn the_best_window_decides() {
        let found = |score: f32, null_score| BestAnswer {
            span: Some(Span {
                start: 1,
                end: 2,
                score,
            }),
            null_score,
        };
        let both = found(1.0, -2.0).or(found(3.0, 5.0).shifted(10));
        let span = both.span.unwrap();
        assert_eq!(
            (span.start, span.end, span.score, both.null_score),
            (11, 12, 3.0, -2.0)
        );
        let none = BestAnswer {
            span: None,
            null_score: 0.0,
        };
        assert_eq!(none.or(found(-1.0, 1.0)).span, found(-1.0, 1.0).span);
        // Of equals the first.
        assert_eq!(
            found(1.0, 0.0).or(found(1.0, 0.0).shifted(9)).span,
            found(1.0, 0.0).span
        );
    }
}
