//! Entities in tagged sentences, scored as seqeval does (Nakayama 2018).

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::score::{Counts, Named, Score, equal, macro_average, micro};
use crate::data::Tag;

/// What makes an entity where tags are not valid IOB2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// seqeval's default, which is that of CoNLL's `conlleval.pl`: an `I-` with no entity of its
    /// type before it begins one.
    Conlleval,
    /// seqeval's `mode="strict", scheme=IOB2`: an entity begins at `B-` alone, and an `I-` that
    /// does not continue one of its type is in none.
    Strict,
}

/// An entity: its type, and its words from `start` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span<'a> {
    pub kind: &'a str,
    pub start: usize,
    pub end: usize,
}

/// The entities of a sentence, in order. What is no tag of IOB is taken for `O`.
pub fn spans<S: AsRef<str>>(tags: &[S], mode: Mode) -> Vec<Span<'_>> {
    let mut spans: Vec<Span<'_>> = Vec::new();
    // Whether the last of them goes on up to the word.
    let mut open = false;
    for (word, tag) in tags.iter().enumerate() {
        let tag = Tag::parse(tag.as_ref()).unwrap_or(Tag::Outside);
        let last = spans.last_mut().filter(|_| open);
        let (begins, kind) = match (tag, last) {
            (Tag::Inside(kind), Some(last)) if last.kind == kind => {
                last.end += 1;
                continue;
            }
            (Tag::Begin(kind), _) => (true, kind),
            (Tag::Inside(kind), _) => (mode == Mode::Conlleval, kind),
            (Tag::Outside, _) => (false, ""),
        };
        if begins {
            spans.push(Span {
                kind,
                start: word,
                end: word + 1,
            });
        }
        open = begins;
    }
    spans
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EntityReport {
    pub mode: Mode,
    /// Fraction of words whose tag is right.
    pub accuracy: f64,
    /// The mean over the types.
    #[serde(rename = "macro")]
    pub macro_average: Score,
    /// Over all entities: what is published as the F1 of a data set.
    pub micro: Score,
    /// The types that occur, in the truth or among the predictions, by name.
    pub types: Vec<Named>,
}

/// Scores the tags of sentences. An entity is right if its type and all of its words are.
///
/// # Panics
/// When there is not a prediction for each word of each sentence.
pub fn entities<S, P>(truth: &[Vec<S>], predicted: &[Vec<P>], mode: Mode) -> EntityReport
where
    S: AsRef<str>,
    P: AsRef<str>,
{
    assert_eq!(
        truth.len(),
        predicted.len(),
        "a prediction for each sentence"
    );
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    let (mut true_tags, mut predicted_tags) = (Vec::new(), Vec::new());
    for (truth, predicted) in truth.iter().zip(predicted) {
        assert_eq!(truth.len(), predicted.len(), "a prediction for each word");
        true_tags.extend(truth.iter().map(AsRef::as_ref));
        predicted_tags.extend(predicted.iter().map(AsRef::as_ref));
        let actual: HashSet<Span<'_>> = spans(truth, mode).into_iter().collect();
        for span in &actual {
            counts.entry(span.kind).or_default().actual += 1;
        }
        for span in spans(predicted, mode) {
            let counts = counts.entry(span.kind).or_default();
            counts.predicted += 1;
            counts.right += usize::from(actual.contains(&span));
        }
    }
    let by_type: Vec<Counts> = counts.values().copied().collect();
    let named = counts.iter().map(|(&name, counts)| Named {
        name: name.to_owned(),
        score: counts.score(),
    });
    EntityReport {
        mode,
        accuracy: equal(&true_tags, &predicted_tags),
        macro_average: macro_average(&by_type),
        micro: micro(&by_type),
        types: named.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::Mode::{Conlleval, Strict};
    use super::*;

    fn tags(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    /// As `PER 0-2`, ends excluded.
    fn listed(text: &str, mode: Mode) -> String {
        let tags = tags(text);
        let spans = spans(&tags, mode);
        let listed = spans
            .iter()
            .map(|span| format!("{} {}-{}", span.kind, span.start, span.end));
        listed.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn valid_tags_mean_the_same_in_both_modes() {
        for (text, expected) in [
            ("O B-PER I-PER O B-LOC", "PER 1-3, LOC 4-5"),
            ("B-PER B-PER I-PER", "PER 0-1, PER 1-3"),
            ("B-PER B-LOC", "PER 0-1, LOC 1-2"),
            ("B-creative-work I-creative-work", "creative-work 0-2"),
            ("B I O B", "_ 0-2, _ 3-4"),
            ("O O", ""),
            ("", ""),
        ] {
            assert_eq!(listed(text, Conlleval), expected, "{text}");
            assert_eq!(listed(text, Strict), expected, "{text}");
        }
    }

    #[test]
    fn invalid_tags_are_entities_for_conlleval_alone() {
        for (text, conlleval, strict) in [
            // I- after O.
            ("O I-PER I-PER", "PER 1-3", ""),
            // I- at the start.
            ("I-PER B-PER", "PER 0-1, PER 1-2", "PER 1-2"),
            // A type that changes without B-: what came before was an entity all the same.
            ("B-PER I-LOC I-LOC", "PER 0-1, LOC 1-3", "PER 0-1"),
            (
                "B-PER I-PER I-LOC I-PER",
                "PER 0-2, LOC 2-3, PER 3-4",
                "PER 0-2",
            ),
            // I- goes on from no I- that is in no entity.
            ("I-LOC I-LOC B-LOC I-LOC", "LOC 0-2, LOC 2-4", "LOC 2-4"),
            ("B-PER O I-PER", "PER 0-1, PER 2-3", "PER 0-1"),
        ] {
            assert_eq!(listed(text, Conlleval), conlleval, "{text}");
            assert_eq!(listed(text, Strict), strict, "{text}");
        }
    }

    #[test]
    fn entities_are_scored_whole() {
        // seqeval's own example: the predicted MISC begins a word too early.
        let truth = [tags("O O O B-MISC I-MISC I-MISC O"), tags("B-PER I-PER O")];
        let predicted = [
            tags("O O B-MISC I-MISC I-MISC I-MISC O"),
            tags("B-PER I-PER O"),
        ];
        let report = entities(&truth, &predicted, Conlleval);
        assert_eq!(
            (report.micro.f1, report.macro_average.f1, report.accuracy),
            (0.5, 0.5, 0.8)
        );
        let f1: Vec<(&str, f64)> = report
            .types
            .iter()
            .map(|class| (class.name.as_str(), class.score.f1))
            .collect();
        assert_eq!(f1, [("MISC", 0.0), ("PER", 1.0)]);
    }

    #[test]
    fn modes_differ_in_what_a_prediction_is() {
        let truth = [tags("B-PER I-PER O B-LOC")];
        let predicted = [tags("I-PER I-PER O B-LOC")];
        assert_eq!(entities(&truth, &predicted, Conlleval).micro.f1, 1.0);
        let strict = entities(&truth, &predicted, Strict).micro;
        assert_eq!((strict.precision, strict.recall), (1.0, 0.5));
    }

    #[test]
    fn entities_do_not_go_on_in_the_next_sentence() {
        let truth = [tags("B-PER"), tags("I-PER")];
        let predicted = [tags("B-PER"), tags("B-PER")];
        assert_eq!(entities(&truth, &predicted, Conlleval).micro.f1, 1.0);
    }
}
