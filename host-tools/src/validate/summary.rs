//! Comparisons summed up.

use serde::Serialize;

use super::Comparison;

/// All comparisons, summed up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub texts: usize,
    /// Texts for sequence classification and answers, tokens where they have labels, 0 for
    /// embeddings.
    pub decisions: usize,
    /// Fraction of decisions taken alike; `None` for embeddings.
    pub agreement: Option<f64>,
    /// Fraction of texts with the same intent; `None` unless texts and tokens both have labels.
    pub intent_agreement: Option<f64>,
    /// Largest over all texts; `None` for embeddings and spans.
    pub probability_gap: Option<f32>,
    /// `None` for classifiers.
    pub cosine: Option<Cosine>,
    /// The texts with the most disagreements, then those whose numbers are farthest apart.
    pub worst: Vec<Worst>,
}

/// Cosines between embeddings, over all texts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cosine {
    pub mean: f64,
    pub min: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worst {
    pub text: String,
    #[serde(flatten)]
    pub comparison: Comparison,
}

impl Summary {
    /// Sums up one comparison per text and keeps the `worst` worst.
    pub fn new(texts: &[String], comparisons: &[Comparison], worst: usize) -> Self {
        let decisions: usize = comparisons
            .iter()
            .map(|comparison| comparison.decisions)
            .sum();
        let agreed: usize = comparisons.iter().map(|comparison| comparison.agreed).sum();
        let gaps = comparisons
            .iter()
            .filter_map(|comparison| comparison.probability_gap);
        let intents: Vec<bool> = comparisons
            .iter()
            .filter_map(|comparison| comparison.same_intent)
            .collect();
        let cosines: Vec<f64> = comparisons
            .iter()
            .filter_map(|comparison| comparison.cosine)
            .collect();
        let mut order: Vec<(&String, &Comparison)> = texts.iter().zip(comparisons).collect();
        order.sort_by(|(_, a), (_, b)| {
            let (a, b) = (a.error_rank(), b.error_rank());
            b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
        });
        Self {
            texts: order.len(),
            decisions,
            agreement: (decisions > 0).then(|| agreed as f64 / decisions as f64),
            intent_agreement: (!intents.is_empty()).then(|| {
                intents.iter().filter(|&&same| same).count() as f64 / intents.len() as f64
            }),
            probability_gap: gaps.reduce(f32::max),
            cosine: (!cosines.is_empty()).then(|| Cosine {
                mean: cosines.iter().sum::<f64>() / cosines.len() as f64,
                min: cosines.iter().copied().fold(f64::INFINITY, f64::min),
            }),
            worst: order
                .into_iter()
                .take(worst)
                .map(|(text, comparison)| Worst {
                    text: text.clone(),
                    comparison: *comparison,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_texts_come_first() {
        let comparison = |agreed, gap| Comparison::of_decisions(4, agreed, gap);
        let texts = ["good", "bad", "worst"].map(String::from);
        let comparisons = [comparison(4, 0.1), comparison(4, 0.2), comparison(2, 0.0)];
        let summary = Summary::new(&texts, &comparisons, 2);
        let worst: Vec<&str> = summary
            .worst
            .iter()
            .map(|worst| worst.text.as_str())
            .collect();
        assert_eq!(worst, ["worst", "bad"]);
        assert_eq!(summary.agreement, Some(10.0 / 12.0));
        assert_eq!(summary.probability_gap, Some(0.2));
        assert_eq!(summary.cosine, None);
    }

    #[test]
    fn intents_are_counted_by_themselves() {
        let comparison = |same| Comparison {
            same_intent: Some(same),
            ..Comparison::of_decisions(3, 3, 0.0)
        };
        let texts = ["good", "bad"].map(String::from);
        let summary = Summary::new(&texts, &[comparison(true), comparison(false)], 1);
        assert_eq!(summary.worst[0].text, "bad");
        assert_eq!(summary.agreement, Some(1.0));
        assert_eq!(summary.intent_agreement, Some(0.5));
    }
}
