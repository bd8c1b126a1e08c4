//! Precision, recall and F1.

use serde::Serialize;

/// How well the members of a class are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// Fraction of those predicted that are right.
    pub precision: f64,
    /// Fraction of those there are that are predicted.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// How many there are.
    pub support: usize,
}

/// A class and its score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Named {
    pub name: String,
    #[serde(flatten)]
    pub score: Score,
}

/// What a [`Score`] is computed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Those that are and are predicted.
    pub right: usize,
    /// All that are predicted.
    pub predicted: usize,
    /// All that are.
    pub actual: usize,
}

impl Counts {
    pub fn score(self) -> Score {
        Score {
            precision: fraction(self.right, self.predicted),
            recall: fraction(self.right, self.actual),
            f1: fraction(2 * self.right, self.predicted + self.actual),
            support: self.actual,
        }
    }
}

/// The score of all members of all classes together.
pub(super) fn micro(classes: &[Counts]) -> Score {
    let sum = |part: fn(&Counts) -> usize| classes.iter().map(part).sum();
    let all = Counts {
        right: sum(|counts| counts.right),
        predicted: sum(|counts| counts.predicted),
        actual: sum(|counts| counts.actual),
    };
    all.score()
}

/// The mean of the scores of the classes that there are or that are predicted; the others have
/// none. Its support is all of theirs.
pub(super) fn macro_average(classes: &[Counts]) -> Score {
    let occurs = |counts: &&Counts| counts.predicted + counts.actual > 0;
    let scores: Vec<Score> = classes
        .iter()
        .filter(occurs)
        .map(|counts| counts.score())
        .collect();
    let mean =
        |part: fn(&Score) -> f64| scores.iter().map(part).sum::<f64>() / scores.len().max(1) as f64;
    Score {
        precision: mean(|score| score.precision),
        recall: mean(|score| score.recall),
        f1: mean(|score| score.f1),
        support: scores.iter().map(|score| score.support).sum(),
    }
}

pub(super) fn fraction(part: usize, whole: usize) -> f64 {
    match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    }
}

/// The fraction of pairs whose two are equal.
///
/// # Panics
/// When there are not as many of the one as of the other.
pub(super) fn equal<T: PartialEq>(truth: &[T], predicted: &[T]) -> f64 {
    assert_eq!(
        truth.len(),
        predicted.len(),
        "a prediction for each example"
    );
    let equal = truth.iter().zip(predicted).filter(|(a, b)| a == b).count();
    fraction(equal, truth.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(right: usize, predicted: usize, actual: usize) -> Counts {
        Counts {
            right,
            predicted,
            actual,
        }
    }

    #[test]
    fn averages_weigh_members_or_classes() {
        let classes = [counts(1, 1, 2), counts(1, 2, 1), counts(0, 0, 0)];
        let micro = micro(&classes);
        let thirds = 2.0 / 3.0;
        assert_eq!((micro.precision, micro.recall), (thirds, thirds));
        let mean = macro_average(&classes);
        assert_eq!((mean.precision, mean.recall), (0.75, 0.75));
        assert!((mean.f1 - thirds).abs() < 1e-15);
        assert_eq!((micro.support, mean.support), (3, 3));
    }

    #[test]
    fn of_nothing_all_is_zero() {
        assert_eq!(counts(0, 0, 0).score(), Score::default());
        assert_eq!(macro_average(&[]), Score::default());
        assert_eq!(equal::<usize>(&[], &[]), 0.0);
    }
}
