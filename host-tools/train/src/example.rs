//! Texts as the model sees them: tokens, and what they should become.

use crate::data::{Classified, Question, Tagged};
use crate::model::Batch;
use embert::heads::WordPosition;
use embert::text::EncodeError;
use embert_tools::question_windows::{QuestionWindows, part};
use embert_tools::tokenizer::Reader;
use serde::Serialize;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

/// A text or a pair of texts with what is to be learnt of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Example {
    pub text: String,
    pub pair: Option<String>,
    /// `[CLS]` and `[SEP]` included.
    pub ids: Vec<u32>,
    /// Where the second segment begins; the number of tokens if there is none.
    pub segment_b: usize,
    pub class: Class,
    /// The words that have tags; empty where tokens have no labels.
    pub words: Vec<Word>,
    /// What each token is to its word, and its tag where one is known; empty as `words` is.
    pub places: Vec<WordPosition>,
    pub tags: Vec<Option<u32>>,
    /// What part of a context this is, where the text is a question about it.
    pub window: Option<ContextWindow>,
}

/// Which part of a context an example is, and where the answer is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContextWindow {
    #[serde(skip)]
    pub question: Arc<Question>,
    /// Where it begins in the context, in bytes.
    pub start: usize,
    /// Bytes of the window that each of its tokens is of.
    pub places: Vec<Range<usize>>,
    /// First and last token of the answer in the whole sequence; both 0, `[CLS]`, where the window
    /// does not have all of it.
    pub answer: [u32; 2],
}

/// The label or labels of a text.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub enum Class {
    #[default]
    None,
    /// One of all.
    One(u32),
    /// Any number: 1 for each that is right, 0 for the others.
    Many(Vec<f32>),
}

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// None where no labels are known.
    pub tag: Option<u32>,
    /// Where it stands in the text, in bytes.
    pub place: Range<usize>,
    /// The piece that it begins with, which has its label (Devlin et al., section 5.3); none where
    /// the text was cut off before it, or the tokenizer leaves nothing of it.
    pub token: Option<usize>,
}

impl Example {
    /// A text or a pair with its classes, of so many labels where it can have several.
    ///
    /// # Errors
    /// When the limit leaves no room.
    pub fn classified(
        reader: &Reader<'_>,
        row: &Classified,
        multi_label: Option<usize>,
        limit: usize,
    ) -> Result<Self, EncodeError> {
        let (tokens, segment_b) = match &row.pair {
            Some(pair) => reader.pair(&row.text, pair, limit)?,
            None => {
                let tokens = reader.tokens(&row.text, limit)?;
                let len = tokens.len();
                (tokens, len)
            }
        };
        let class = match multi_label {
            None => row
                .labels
                .first()
                .map_or(Class::None, |&label| Class::One(label as u32)),
            Some(labels) => {
                let is = |label| f32::from(u8::from(row.labels.contains(&label)));
                Class::Many((0..labels).map(is).collect())
            }
        };
        Ok(Example {
            text: row.text.clone(),
            pair: row.pair.clone(),
            ids: tokens.iter().map(|token| token.id).collect(),
            segment_b,
            class,
            words: Vec::new(),
            places: Vec::new(),
            tags: Vec::new(),
            window: None,
        })
    }

    /// A sentence with the tags of its words, which a space stands between.
    ///
    /// # Errors
    /// When the limit leaves no room.
    pub fn tagged(reader: &Reader<'_>, row: &Tagged, limit: usize) -> Result<Self, EncodeError> {
        let text = row.words.join(" ");
        let tokens = reader.tokens(&text, limit)?;
        let mut end = 0;
        let words = row.words.iter().map(|word| {
            let start = end;
            end = start + word.len() + 1;
            start..end - 1
        });
        let words: Vec<Range<usize>> = words.collect();
        let ranges: Vec<Range<usize>> = tokens
            .iter()
            .map(|token| token.start as usize..token.end as usize)
            .collect();
        let firsts = firsts(&words, &ranges);
        let places = tokens.iter().map(|token| reader.place(token));
        let tags = row.tags.iter().map(|&tag| Some(tag as u32));
        let tagged = tags.chain(iter::repeat(None)).zip(words).zip(firsts);
        let words: Vec<Word> = tagged
            .map(|((tag, place), token)| Word { tag, place, token })
            .collect();
        let mut tags = vec![None; tokens.len()];
        for word in &words {
            if let Some(token) = word.token {
                tags[token] = word.tag;
            }
        }
        Ok(Example {
            text,
            pair: None,
            segment_b: tokens.len(),
            ids: tokens.iter().map(|token| token.id).collect(),
            class: row
                .intent
                .map_or(Class::None, |intent| Class::One(intent as u32)),
            places: places.collect(),
            words,
            tags,
            window: None,
        })
    }

    /// Whether another tokenizer cuts the text as this one does; both with their pieces by id.
    pub fn same_pieces(&self, pieces: &[String], other: &Example, others: &[String]) -> bool {
        let pieces = self.ids.iter().map(|&id| &pieces[id as usize]);
        pieces.eq(other.ids.iter().map(|&id| &others[id as usize]))
    }

    /// Tags what the tokenizer has cut off a word at a punctuation mark, which the engine takes for
    /// words of their own: `continued` has for each tag the one that goes on with its entity.
    pub fn propagate_tags(&mut self, continued: &[usize]) {
        let next = self.words.iter().skip(1).map(|word| word.token);
        let ends: Vec<Option<usize>> = next.chain([Some(self.ids.len())]).collect();
        for (word, end) in self.words.iter().zip(ends) {
            let (Some(tag), Some(first), Some(end)) = (word.tag, word.token, end) else {
                continue;
            };
            for token in first + 1..end {
                if self.places[token] == WordPosition::First {
                    self.tags[token] = Some(continued[tag as usize] as u32);
                }
            }
        }
    }
}

impl Example {
    /// The windows of a question's context, at most `limit` tokens each, which begin `stride` tokens
    /// one after the other.
    ///
    /// # Errors
    /// When the limit leaves no room.
    pub fn windows(
        reader: &Reader<'_>,
        question: &Arc<Question>,
        limit: usize,
        stride: usize,
    ) -> Result<Vec<Self>, EncodeError> {
        let (asked, context) = (&question.question, &question.context);
        let windows = QuestionWindows::new(reader.tokenizer(), asked, context, limit, stride)?;
        let example = |place: Range<usize>| {
            let text = part(context, &place);
            let (tokens, segment_b) = reader.pair(windows.question, text, limit)?;
            let of_context = &tokens[segment_b..tokens.len() - 1];
            let places: Vec<Range<usize>> = of_context
                .iter()
                .map(|token| token.start as usize..token.end as usize)
                .collect();
            let answer = answer(question, &place, &places);
            let answer = answer.map_or([0, 0], |tokens| {
                tokens.map(|token| (segment_b + token) as u32)
            });
            Ok(Example {
                text: windows.question.to_owned(),
                pair: Some(text.to_owned()),
                ids: tokens.iter().map(|token| token.id).collect(),
                segment_b,
                class: Class::None,
                words: Vec::new(),
                places: Vec::new(),
                tags: Vec::new(),
                window: Some(ContextWindow {
                    question: Arc::clone(question),
                    start: place.start,
                    places,
                    answer,
                }),
            })
        };
        windows.parts.iter().cloned().map(example).collect()
    }
}

/// The tokens of a window, by their places in it, that the first right answer begins and ends with;
/// none if the window at this place does not have all of it.
fn answer(
    question: &Question,
    window: &Range<usize>,
    tokens: &[Range<usize>],
) -> Option<[usize; 2]> {
    let answer = question.answers.first()?;
    let start = answer.start.checked_sub(window.start)?;
    let end = start + answer.text.len();
    if window.start + end > window.end {
        return None;
    }
    let first = tokens.iter().position(|token| token.end > start)?;
    let last = tokens.iter().rposition(|token| token.start < end)?;
    (first <= last).then_some([first, last])
}

/// A checksum of examples, with what is to be learnt of them.
pub fn checksum<'a>(examples: impl IntoIterator<Item = &'a Example>) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    for example in examples {
        for id in &example.ids {
            checksum.update(&id.to_le_bytes());
        }
        let Example {
            segment_b,
            class,
            tags,
            window,
            ..
        } = example;
        let targets = serde_json::to_vec(&(segment_b, class, tags, window));
        checksum.update(&targets.expect("targets have a JSON form"));
    }
    checksum.finalize()
}

/// Examples one after the other.
pub fn batch<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Batch {
    let mut batch = Batch::default();
    for example in examples {
        batch.push(&example.ids, example.segment_b);
    }
    batch
}

/// The token that each word begins with. Both are places in the text, in its order; tokens that are
/// of no text are empty.
pub fn firsts(words: &[Range<usize>], tokens: &[Range<usize>]) -> Vec<Option<usize>> {
    let mut next = 0;
    let firsts = words.iter().map(|word| {
        let before = |token: &Range<usize>| token.is_empty() || token.end <= word.start;
        while tokens.get(next).is_some_and(before) {
            next += 1;
        }
        let token = tokens.get(next)?;
        (token.start < word.end).then_some(next)
    });
    firsts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_with_their_first_piece() {
        // "play  gogol's rock": play, gogol ' s, rock; special tokens around.
        let words = [0..4, 6..13, 14..18];
        let tokens = [0..0, 0..4, 6..11, 11..12, 12..13, 14..18, 0..0];
        assert_eq!(firsts(&words, &tokens), [Some(1), Some(2), Some(5)]);
        // A text that was cut off: words without tokens.
        assert_eq!(firsts(&words, &tokens[..2]), [Some(1), None, None]);
        // A word that no token is of does not shift the others.
        assert_eq!(firsts(&words, &[0..4, 14..18]), [Some(0), None, Some(1)]);
    }
}
