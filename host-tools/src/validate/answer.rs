//! What the quantized model says, token by token of the float model.

use embert::text::Token;
use embert::{Output, Reading};

/// What the quantized model says about a text, as much as is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The probability of every label.
    Classes(Vec<f32>),
    /// Label and its probability, for every token of the float model; `None` where the quantized
    /// one has read nothing.
    Tokens(Vec<Option<(usize, f32)>>),
    Embedding(Vec<f32>),
}

impl Answer {
    /// What was read, said of `tokens`, the same text's by the float model's vocabulary.
    pub fn new(reading: &Reading<'_>, tokens: &[Token]) -> Self {
        match &reading.output {
            Output::Classes { probabilities, .. } => Self::Classes(probabilities.to_vec()),
            Output::Tokens { labels, .. } => {
                let at = counterparts(tokens, reading.tokens).into_iter();
                let label = |at: usize| (labels[at].label as usize, labels[at].score);
                Self::Tokens(at.map(|at| at.map(label)).collect())
            }
            Output::Embedding(vector) => Self::Embedding(vector.to_vec()),
        }
    }
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
    fn other_cuts_are_paired_by_where_tokens_begin() {
        let whole = tokens(&[(0, 0), (0, 6), (7, 9), (9, 12), (0, 0)]);
        let pieces = tokens(&[(0, 0), (0, 2), (2, 6), (7, 10), (0, 0)]);
        let expected = [Some(1), Some(3), Some(3)];
        assert_eq!(counterparts(&whole, &pieces)[1..4], expected);
        // The last but one was cut off here.
        assert_eq!(counterparts(&whole, &pieces[..3])[2], None);
    }
}
