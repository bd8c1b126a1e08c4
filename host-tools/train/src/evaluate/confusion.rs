//! Which labels are taken for which.

use serde::Serialize;

/// A confusion matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Confusion {
    pub names: Vec<String>,
    /// Examples by true label and predicted one.
    pub counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// # Panics
    /// When there is not a prediction for each example, or a label without a name.
    pub fn new(names: &[String], truth: &[usize], predicted: &[usize]) -> Self {
        assert_eq!(
            truth.len(),
            predicted.len(),
            "a prediction for each example"
        );
        let mut counts = vec![vec![0; names.len()]; names.len()];
        for (&truth, &predicted) in truth.iter().zip(predicted) {
            counts[truth][predicted] += 1;
        }
        Self {
            names: names.to_vec(),
            counts,
        }
    }

    /// Wrong pairs of a true and a predicted label, the most frequent first.
    pub fn mistakes(&self) -> Vec<(usize, usize, usize)> {
        let mut mistakes: Vec<(usize, usize, usize)> = Vec::new();
        for (truth, row) in self.counts.iter().enumerate() {
            let wrong = row.iter().enumerate();
            let wrong = wrong.filter(|&(predicted, &count)| predicted != truth && count > 0);
            mistakes.extend(wrong.map(|(predicted, &count)| (truth, predicted, count)));
        }
        mistakes.sort_by_key(|&(_, _, count)| std::cmp::Reverse(count));
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_truth() {
        let names = ["a", "b", "c"].map(String::from);
        let confusion = Confusion::new(&names, &[0, 0, 0, 1, 2, 2], &[0, 1, 0, 1, 0, 0]);
        assert_eq!(confusion.counts, [[2, 1, 0], [0, 1, 0], [2, 0, 0]]);
        assert_eq!(confusion.mistakes(), [(2, 0, 2), (0, 1, 1)]);
    }
}
