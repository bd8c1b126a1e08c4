//! Text classification: accuracy and F1, as scikit-learn computes them.

use serde::Serialize;

use super::score::{Counts, Named, Score, equal, macro_average, micro};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassReport {
    /// Fraction of examples whose label is right; all of their labels, if there can be several.
    pub accuracy: f64,
    /// The mean over the classes that occur, in the truth or among the predictions.
    #[serde(rename = "macro")]
    pub macro_average: Score,
    /// Over all labels of all examples; where each has one, this is the accuracy.
    pub micro: Score,
    /// All, in the order of their numbers.
    pub classes: Vec<Named>,
}

/// Scores predictions of one label an example; `names` are those of the labels.
///
/// # Panics
/// When there is not a prediction for each example, or a label without a name.
pub fn single_label(names: &[String], truth: &[usize], predicted: &[usize]) -> ClassReport {
    let mut counts = vec![Counts::default(); names.len()];
    for (&truth, &predicted) in truth.iter().zip(predicted) {
        counts[truth].actual += 1;
        counts[predicted].predicted += 1;
        counts[truth].right += usize::from(truth == predicted);
    }
    report(names, &counts, equal(truth, predicted))
}

/// Scores predictions of any number of labels an example, in any order, none of them twice.
///
/// # Panics
/// When there is not a prediction for each example, or a label without a name.
pub fn multi_label(
    names: &[String],
    truth: &[Vec<usize>],
    predicted: &[Vec<usize>],
) -> ClassReport {
    let mut counts = vec![Counts::default(); names.len()];
    for (truth, predicted) in truth.iter().zip(predicted) {
        for &label in truth {
            counts[label].actual += 1;
            counts[label].right += usize::from(predicted.contains(&label));
        }
        for &label in predicted {
            counts[label].predicted += 1;
        }
    }
    let sorted = |labels: &[Vec<usize>]| -> Vec<Vec<usize>> {
        let mut labels = labels.to_vec();
        labels.iter_mut().for_each(|labels| labels.sort_unstable());
        labels
    };
    report(names, &counts, equal(&sorted(truth), &sorted(predicted)))
}

fn report(names: &[String], counts: &[Counts], accuracy: f64) -> ClassReport {
    let named = names.iter().zip(counts).map(|(name, counts)| Named {
        name: name.clone(),
        score: counts.score(),
    });
    ClassReport {
        accuracy,
        macro_average: macro_average(counts),
        micro: micro(counts),
        classes: named.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["a", "b", "c", "d"].map(String::from).into()
    }

    #[test]
    fn one_label_an_example() {
        // a: 2 of 2 found, 3 predicted. b: 1 of 2, 1. c: 0 of 1, 0. d: 0 of 0, 1.
        let report = single_label(&names(), &[0, 0, 1, 1, 2], &[0, 0, 0, 1, 3]);
        assert_eq!(report.accuracy, 0.6);
        assert_eq!(report.micro.f1, 0.6);
        let f1: Vec<f64> = report.classes.iter().map(|class| class.score.f1).collect();
        assert_eq!(f1, [0.8, 2.0 / 3.0, 0.0, 0.0]);
        assert_eq!(report.classes[0].score.precision, 2.0 / 3.0);
    }

    #[test]
    fn classes_that_do_not_occur_are_not_averaged() {
        let report = single_label(&names(), &[0, 1], &[0, 0]);
        // (2/3 + 0) / 2, not / 4.
        assert!((report.macro_average.f1 - 1.0 / 3.0).abs() < 1e-15);
        // b is missed and c is predicted wrongly: both count.
        let report = single_label(&names(), &[0, 1], &[0, 2]);
        assert!((report.macro_average.f1 - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn several_labels_an_example() {
        let truth = [vec![0, 1], vec![2], vec![]];
        let predicted = [vec![1, 0], vec![2, 0], vec![]];
        let report = multi_label(&names(), &truth, &predicted);
        assert_eq!(report.accuracy, 2.0 / 3.0);
        assert_eq!((report.micro.precision, report.micro.recall), (0.75, 1.0));
        assert_eq!(report.classes[0].score.precision, 0.5);
        // (2/3 + 1 + 1) / 3
        assert!((report.macro_average.f1 - 8.0 / 9.0).abs() < 1e-15);
    }

    #[test]
    fn reports_are_json() {
        let report = single_label(&names()[..1], &[0], &[0]);
        let score = r#"{"precision":1.0,"recall":1.0,"f1":1.0,"support":1}"#;
        let class = score.replacen('{', r#"{"name":"a","#, 1);
        let expected =
            format!(r#"{{"accuracy":1.0,"macro":{score},"micro":{score},"classes":[{class}]}}"#);
        assert_eq!(serde_json::to_string(&report).unwrap(), expected);
    }
}
