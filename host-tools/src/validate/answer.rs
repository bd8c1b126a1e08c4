//! What the quantized model says, token by token of the float model.

use std::ops::Range;

use embert::text::Token;
use embert::{Output, Prediction, Span, TokenLabel};

/// What the quantized model says about a text, as much as is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The probability of every label.
    Classes(Vec<f32>),
    /// For every token of the float model; `None` where the quantized one has read nothing.
    Tokens(Vec<TokenAnswer>),
    Embedding(Vec<f32>),
    /// The probability of every label of the text, and the labels of tokens.
    Joint(Vec<f32>, Vec<TokenAnswer>),
    /// First and last token of the answer, and which tokens are the context's, by which the float
    /// model is to find its own.
    Span {
        span: Option<(usize, usize)>,
        context: Range<usize>,
    },
}

/// Label and its probability.
type TokenAnswer = Option<(usize, f32)>;

impl Answer {
    /// What was read, said of `tokens`, the same text's by the float model's vocabulary. Those from
    /// `segment_b` on are the second text's, if there is one.
    pub fn new(reading: &Prediction<'_>, tokens: &[Token], segment_b: usize) -> Self {
        match &reading.output {
            Output::Classes { probabilities, .. } => Self::Classes(probabilities.to_vec()),
            Output::Tokens { labels, .. } => {
                Self::Tokens(token_answers(tokens, reading.tokens, labels))
            }
            Output::Embedding(vector) => Self::Embedding(vector.to_vec()),
            Output::Joint {
                probabilities,
                labels,
                ..
            } => Self::Joint(
                probabilities.to_vec(),
                token_answers(tokens, reading.tokens, labels),
            ),
            Output::Answer { span, .. } => {
                // All but the last, a [SEP].
                let context = segment_b..tokens.len().saturating_sub(1).max(segment_b);
                Self::Span {
                    span: span.and_then(|span| tokens_of(&span, tokens, context.clone())),
                    context,
                }
            }
        }
    }
}

fn token_answers(tokens: &[Token], read: &[Token], labels: &[TokenLabel]) -> Vec<TokenAnswer> {
    let at = counterparts(tokens, read).into_iter();
    let label = |at: usize| (labels[at].label as usize, labels[at].score);
    at.map(|at| at.map(label)).collect()
}

/// The tokens of the context that a span begins and ends in.
fn tokens_of(span: &Span, tokens: &[Token], context: Range<usize>) -> Option<(usize, usize)> {
    let bytes = |at: &usize| tokens[*at].start as usize..tokens[*at].end as usize;
    let first = context.clone().find(|at| bytes(at).contains(&span.start))?;
    let last = context
        .rev()
        .find(|at| bytes(at).contains(&(span.end - 1)))?;
    Some((first, last))
}

/// For each of `tokens`, which of `others`, cut by a smaller vocabulary, says what becomes of it:
/// the one its text begins in.
fn counterparts(tokens: &[Token], others: &[Token]) -> Vec<Option<usize>> {
    let span = |token: &Token| (token.start, token.end);
    // Some characters are more than one token, all of the same bytes.
    if tokens.iter().map(span).eq(others.iter().map(span)) {
        return (0..tokens.len()).map(Some).collect();
    }
    let begins_in = |token: &Token, other: &Token| (other.start..other.end).contains(&token.start);
    tokens
        .iter()
        .map(|token| others.iter().position(|other| begins_in(token, other)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(spans: &[(u32, u32)]) -> Vec<Token> {
        let token = |&(start, end)| Token { id: 0, start, end };
        spans.iter().map(token).collect()
    }

    #[test]
    fn equal_cuts_are_paired_one_by_one() {
        let cut = tokens(&[(0, 0), (0, 3), (0, 3), (3, 4), (0, 0)]);
        let expected: Vec<Option<usize>> = (0..5).map(Some).collect();
        assert_eq!(counterparts(&cut, &cut), expected);
    }

    #[test]
    fn a_span_is_found_by_where_it_begins_and_ends() {
        let cut = tokens(&[(0, 0), (0, 9), (0, 0), (0, 6), (7, 9), (9, 12), (0, 0)]);
        let span = |start, end| Span {
            start,
            end,
            score: 0.0,
        };
        assert_eq!(tokens_of(&span(7, 12), &cut, 3..6), Some((4, 5)));
        assert_eq!(tokens_of(&span(2, 8), &cut, 3..6), Some((3, 4)));
        assert_eq!(tokens_of(&span(7, 13), &cut, 3..6), None);
    }

    #[test]
    fn other_cuts_are_paired_by_where_tokens_begin() {
        let whole = tokens(&[(0, 0), (0, 6), (7, 9), (9, 12), (0, 0)]);
        let pieces = tokens(&[(0, 0), (0, 2), (2, 6), (7, 10), (0, 0)]);
        let expected = [Some(1), Some(3), Some(3)];
        assert_eq!(counterparts(&whole, &pieces)[1..4], expected);
        // The last but one was cut off here.
        assert_eq!(counterparts(&whole, &pieces[..3])[2], None);
    }
}
