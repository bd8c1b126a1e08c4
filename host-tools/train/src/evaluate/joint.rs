//! Intents and slots of the same sentences (Chen et al. 2019, "BERT for Joint Intent Classification
//! and Slot Filling").

use serde::Serialize;

use super::entities::{EntityReport, Mode, entities};
use super::score::fraction;

/// What a sentence is about, and the tags of its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence<'a> {
    pub intent: &'a str,
    pub tags: Vec<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JointReport {
    /// Fraction of sentences whose intent is right.
    pub intent_accuracy: f64,
    /// Slots are scored as entities; published is the micro F1 of [`Mode::Conlleval`].
    pub slots: EntityReport,
    /// Fraction of sentences whose intent and all tags are right.
    pub sentence_accuracy: f64,
}

/// # Panics
/// When there is not a prediction for each word of each sentence.
pub fn joint(truth: &[Sentence<'_>], predicted: &[Sentence<'_>]) -> JointReport {
    let tags = |sentences: &[Sentence<'_>]| -> Vec<Vec<String>> {
        let owned =
            |sentence: &Sentence<'_>| sentence.tags.iter().map(|tag| tag.to_string()).collect();
        sentences.iter().map(owned).collect()
    };
    let slots = entities(&tags(truth), &tags(predicted), Mode::Conlleval);
    let share = |right: fn(&Sentence<'_>, &Sentence<'_>) -> bool| {
        let pairs = truth.iter().zip(predicted);
        fraction(pairs.filter(|(a, b)| right(a, b)).count(), truth.len())
    };
    JointReport {
        intent_accuracy: share(|truth, predicted| truth.intent == predicted.intent),
        slots,
        sentence_accuracy: share(|truth, predicted| truth == predicted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(intent: &'static str, tags: &'static str) -> Sentence<'static> {
        Sentence {
            intent,
            tags: tags.split(' ').collect(),
        }
    }

    #[test]
    fn a_sentence_is_right_if_all_of_it_is() {
        let truth = [
            sentence("play", "O B-track"),
            sentence("play", "B-track I-track"),
            sentence("book", "O O"),
            sentence("rate", "B-name"),
        ];
        let predicted = [
            sentence("play", "O B-track"),
            sentence("play", "B-track B-track"),
            sentence("play", "O O"),
            // The same slot, by another tag.
            sentence("rate", "I-name"),
        ];
        let report = joint(&truth, &predicted);
        assert_eq!(report.intent_accuracy, 0.75);
        assert_eq!(report.sentence_accuracy, 0.25);
        // 2 of 3 slots found, 4 predicted.
        assert_eq!(
            (report.slots.micro.recall, report.slots.micro.precision),
            (2.0 / 3.0, 0.5)
        );
    }
}
