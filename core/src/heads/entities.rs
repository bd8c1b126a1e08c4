//! Entities from token labels in BIO or IO tags.

use crate::blob::Labels;
use crate::memory::TokenLabel;
use crate::text::Token;

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
/// `O` is no entity. This is the "simple" aggregation of Hugging Face's token classification
/// pipeline.
#[derive(Clone, Debug)]
pub struct Entities<'a> {
    labels: Labels<'a>,
    rest: core::iter::Zip<core::slice::Iter<'a, Token>, core::slice::Iter<'a, TokenLabel>>,
}

impl<'a> Entities<'a> {
    pub(crate) fn new(labels: Labels<'a>, tokens: &'a [Token], found: &'a [TokenLabel]) -> Self {
        Entities {
            labels,
            rest: tokens.iter().zip(found),
        }
    }
}

/// Whether a label begins an entity, and of what kind; `None` for `O`.
fn tag(label: &str) -> Option<(bool, &str)> {
    match label.as_bytes() {
        b"O" => None,
        [b'B', b'-', ..] => label.get(2..).map(|kind| (true, kind)),
        [b'I', b'-', ..] => label.get(2..).map(|kind| (false, kind)),
        _ => Some((false, label)),
    }
}

impl<'a> Iterator for Entities<'a> {
    type Item = Entity<'a>;

    fn next(&mut self) -> Option<Entity<'a>> {
        let mut entity: Option<Entity<'a>> = None;
        let (mut sum, mut count) = (0.0, 0.0);
        loop {
            let before = self.rest.clone();
            let found = self.rest.next();
            let tagged = found.and_then(|(token, found)| {
                let (begins, kind) = tag(self.labels.name(found.label as usize))?;
                Some((token, found.score, begins, kind))
            });
            match (&mut entity, found, tagged) {
                // `[CLS]` and `[SEP]` come from nowhere in the text.
                (None, Some((token, _)), _) if token.start == token.end => {}
                (None, Some(_), None) => {}
                (None, Some(_), Some((token, score, _, kind))) => {
                    (sum, count) = (score, 1.0);
                    entity = Some(Entity {
                        label: kind,
                        start: token.start as usize,
                        end: token.end as usize,
                        score,
                    });
                }
                (Some(open), Some(_), Some((token, score, false, kind)))
                    if kind == open.label && token.start < token.end =>
                {
                    open.end = token.end as usize;
                    sum += score;
                    count += 1.0;
                    open.score = sum / count;
                }
                _ => {
                    if entity.is_some() && tagged.is_some() {
                        self.rest = before;
                    }
                    return entity;
                }
            }
        }
    }
}
