//! What counts in the loss of a step, and what the model gets to see.

use crate::example::Example;
use crate::model::{Batch, DropoutRates};
use serde::Serialize;

/// What counts in the loss.
#[derive(Clone, Debug, Serialize)]
pub struct Objective {
    /// Of the labels.
    pub label_weight: f32,
    /// Of a teacher's logits, softened by the temperature.
    pub distill_weight: f32,
    pub temperature: f32,
    /// Of a teacher's last hidden states.
    pub states: f32,
    /// Of the relations of a teacher's queries, keys and values.
    pub relations: f32,
    /// Whether each label of texts is a question of its own.
    pub multi_label: bool,
    /// What each label of texts counts; all the same if there are none.
    pub class_weights: Option<Vec<f32>>,
    #[serde(skip)]
    pub rates: DropoutRates,
    /// Share of the tokens that the model does not get to see, so that it learns to go by those
    /// around them, and the token that stands for them.
    pub token_dropout: f32,
    pub unknown: u32,
}

impl Default for Objective {
    /// Labels alone, without dropout.
    fn default() -> Self {
        Objective {
            label_weight: 1.0,
            distill_weight: 0.0,
            temperature: 1.0,
            states: 0.0,
            relations: 0.0,
            multi_label: false,
            class_weights: None,
            rates: DropoutRates::NONE,
            token_dropout: 0.0,
            unknown: 0,
        }
    }
}

/// Where tokens are hidden, apart from the places of dropout within the model.
const HIDING: u32 = 1 << 20;

impl Objective {
    /// Hides tokens, but none of those that frame texts.
    pub(crate) fn hide(&self, batch: &mut Batch, examples: &[&Example]) {
        if self.token_dropout == 0.0 {
            return;
        }
        let hiding = self.rates.hidden.of(self.token_dropout).at(HIDING);
        for (example, sequence) in examples.iter().zip(&batch.sequences) {
            let last = sequence.end - 1;
            let between = sequence.start + example.segment_b - 1;
            for token in sequence.start + 1..last {
                if token != between && hiding.drops(token) {
                    batch.ids[token] = self.unknown;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::batch;
    use crate::ops::Dropout;

    #[test]
    fn tokens_are_hidden_but_for_those_that_frame_texts() {
        let example = Example {
            ids: vec![7; 1_000],
            segment_b: 400,
            ..Example::default()
        };
        let examples = [&example, &example];
        let hidden = |step| {
            let mut all = batch(examples.iter().copied());
            let objective = Objective {
                rates: DropoutRates {
                    hidden: Dropout::new(0.0, 5, step),
                    attention: Dropout::NONE,
                },
                token_dropout: 0.5,
                unknown: 9,
                ..Objective::default()
            };
            objective.hide(&mut all, &examples);
            all.ids
        };
        let ids = hidden(1);
        for frame in [0, 399, 999, 1_000, 1_399, 1_999] {
            assert_eq!(ids[frame], 7);
        }
        let count = ids.iter().filter(|&&id| id == 9).count();
        assert!((900..1_100).contains(&count), "{count}");
        assert_ne!(ids[..1_000], ids[1_000..]);
        assert_eq!(ids, hidden(1));
        assert_ne!(ids, hidden(2));
    }
}
