//! Entities from token labels in BIO or IO tags.

use super::TokenLabel;
use crate::blob::Labels;
use crate::model::Model;
use crate::text::{Token, Vocabulary};
use core::iter::Zip;
use core::slice::Iter;

/// A stretch of text with one label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entity<'a> {
    /// The label without its `B-` or `I-`.
    pub label: &'a str,
    /// Bytes of the text.
    pub start: usize,
    pub end: usize,
    /// Mean probability of its tokens' labels.
    pub score: f32,
}

/// The entities of a text in order.
///
/// Neighbouring tokens with the same label belong together unless the later one begins (`B-`);
/// `O` is no entity. That is the "simple" aggregation of Hugging Face's token classification
/// pipeline, with one addition: what the tokenizer has cut apart stays together. A piece that
/// continues a word, or stands without a gap beside a punctuation mark, begins no entity of the
/// kind it is in, whatever its label says; so `Springfield` and `ada@example.com` are one each.
#[derive(Clone, Debug)]
pub struct Entities<'a> {
    labels: Labels<'a>,
    vocabulary: &'a Vocabulary<'a>,
    rest: Zip<Iter<'a, Token>, Iter<'a, TokenLabel>>,
}

impl<'a> Entities<'a> {
    pub(crate) fn new(model: &'a Model<'a>, tokens: &'a [Token], found: &'a [TokenLabel]) -> Self {
        Entities {
            labels: model.token_labels(),
            vocabulary: model.tokenizer().vocabulary(),
            rest: tokens.iter().zip(found),
        }
    }

    /// Whether a token's label begins an entity, and of what kind; `None` for `O`, and for `[CLS]`
    /// and `[SEP]`, which come from nowhere in the text.
    fn tag(&self, token: &Token, found: &TokenLabel) -> Option<(bool, &'a str)> {
        let label = self.labels.name(found.label as usize);
        match label.as_bytes() {
            _ if token.start == token.end => None,
            b"O" => None,
            [b'B', b'-', ..] => label.get(2..).map(|kind| (true, kind)),
            [b'I', b'-', ..] => label.get(2..).map(|kind| (false, kind)),
            _ => Some((false, label)),
        }
    }

    /// Whether the tokenizer has cut two tokens apart where the text has no gap.
    fn cut(&self, before: &Token, after: &Token) -> bool {
        let mark = |token: &Token| {
            let first = self.vocabulary.piece(token.id).and_then(|mut p| p.next());
            first.is_some_and(|first| first.is_ascii_punctuation())
        };
        // A piece that continues a word starts with `##`: a mark too.
        before.end == after.start && (mark(before) || mark(after))
    }
}

impl<'a> Iterator for Entities<'a> {
    type Item = Entity<'a>;

    fn next(&mut self) -> Option<Entity<'a>> {
        let (mut last, mut entity) = loop {
            let (token, found) = self.rest.next()?;
            if let Some((_, label)) = self.tag(token, found) {
                let entity = Entity {
                    label,
                    start: token.start as usize,
                    end: token.end as usize,
                    score: found.score,
                };
                break (token, entity);
            }
        };
        let (mut sum, mut count) = (entity.score, 1.0);
        while let Some((token, found)) = self.rest.clone().next() {
            match self.tag(token, found) {
                Some((begins, kind))
                    if kind == entity.label && (!begins || self.cut(last, token)) =>
                {
                    self.rest.next();
                    entity.end = token.end as usize;
                    sum += found.score;
                    count += 1.0;
                    last = token;
                }
                _ => break,
            }
        }
        entity.score = sum / count;
        Some(entity)
    }
}
