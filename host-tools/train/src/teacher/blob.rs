//! Soft targets of a teacher's blob, by the integer engine.

use super::SoftTargets;
use crate::evaluate::engine::{self, BlobPrediction};
use crate::example::Example;
use embert::blob::flags;
use embert::{Model, RunError, TokenLabel};
use half::f16;
use rayon::prelude::*;

/// The soft targets of `examples`. For words the blob gives one label and its probability; the other
/// labels share the rest equally. `done` is called with the number of examples just read.
///
/// # Errors
/// When a text cannot be read.
pub fn predict_soft_targets(
    blob: &Model<'_>,
    examples: &[Example],
    done: impl Fn(usize) + Sync,
) -> Result<Vec<SoftTargets>, RunError> {
    let multi_label = blob.header().flag(flags::MULTI_LABEL);
    let tags = blob.shape().token_outputs();
    let targets = |prediction: BlobPrediction| SoftTargets {
        text: prediction
            .text
            .iter()
            .map(|&p| logit(p, multi_label))
            .collect(),
        words: prediction
            .words
            .into_iter()
            .flat_map(|word| logits(word, tags))
            .collect(),
        features: None,
    };
    let of_some = |some: &[Example]| {
        let predict_blob = engine::predict_blob(blob, some)?;
        done(some.len());
        Ok(predict_blob.into_iter().map(targets).collect())
    };
    let batches: Result<Vec<Vec<SoftTargets>>, RunError> =
        examples.par_chunks(64).map(of_some).collect();
    Ok(batches?.into_iter().flatten().collect())
}

/// The logit of a probability: of one label among others (`alone` is false), or of an independent one.
fn logit(probability: f32, alone: bool) -> f16 {
    let p = probability.clamp(1e-6, 1.0 - 1e-6);
    f16::from_f32(match alone {
        true => (p / (1.0 - p)).ln(),
        false => p.ln(),
    })
}

/// The logits of a word's labels; zeros for a word that truncation removed.
fn logits(word: Option<TokenLabel>, labels: usize) -> Vec<f16> {
    let Some(word) = word else {
        return vec![f16::ZERO; labels];
    };
    let rest = (1.0 - word.score) / labels.saturating_sub(1).max(1) as f32;
    let of = |label| match label == word.label as usize {
        true => logit(word.score, false),
        false => logit(rest, false),
    };
    (0..labels).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finetune::{self, Rows};
    use crate::teacher::{TeacherOutputs, float};
    use embert_tests::tiny::{self, Flavour};
    use embert_tools::blob::AlignedBytes;
    use embert_tools::checkpoint::Checkpoint;
    use embert_tools::quantize::{Options, quantize};

    /// The probabilities of a row of logits.
    fn softmax(logits: &[f16]) -> Vec<f32> {
        let exp: Vec<f32> = logits.iter().map(|logit| logit.to_f32().exp()).collect();
        let sum: f32 = exp.iter().sum();
        exp.iter().map(|e| e / sum).collect()
    }

    #[test]
    fn a_blob_predicts_the_labels_of_its_checkpoint() {
        let (folder, tiny) = (tempfile::tempdir().unwrap(), &tiny::JOINT);
        tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
        let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
        let (teacher, labels) = finetune::teacher(&checkpoint).unwrap();
        let texts = ["the cat sat on a mat", "play it again", "a b c d e f g"];
        let rows = Rows::Words(Vec::new()).with(&texts.map(str::to_owned));
        let examples = finetune::examples(&checkpoint, &labels, rows, 32).unwrap();
        let blob = quantize(&checkpoint, &Options::default(), |_| {}).unwrap();
        let blob = AlignedBytes::copy(&blob);
        let blob = Model::parse(&blob).unwrap();
        let by_float =
            float::predict_soft_targets(&teacher, &examples, TeacherOutputs::Logits, |_| {});
        let by_blob = predict_soft_targets(&blob, &examples, |_| {}).unwrap();
        let tags = labels.tags.len();
        let largest = |row: &[f32]| {
            let label = crate::evaluate::predict::largest(row);
            (label, row[label])
        };
        for (float, blob) in by_float.iter().zip(&by_blob) {
            let both = [float, blob].map(|targets| softmax(&targets.text));
            for (float, blob) in both[0].iter().zip(&both[1]) {
                assert!((float - blob).abs() < 0.05, "{both:?}");
            }
            assert_eq!(largest(&both[0]).0, largest(&both[1]).0, "{both:?}");
            assert_eq!(float.words.len(), blob.words.len());
            let rows = float.words.chunks(tags).zip(blob.words.chunks(tags));
            for rows in rows.map(|(a, b)| [softmax(a), softmax(b)]) {
                let [float, blob] = [&rows[0], &rows[1]].map(|row| largest(row));
                assert!((float.1 - blob.1).abs() < 0.1, "{rows:?}");
                assert_eq!(float.0, blob.0, "{rows:?}");
            }
        }
    }

    #[test]
    fn truncated_words_have_no_logits() {
        assert_eq!(logits(None, 3), [f16::ZERO; 3]);
        let word = TokenLabel {
            label: 1,
            score: 0.5,
        };
        let shares = softmax(&logits(Some(word), 3));
        for (share, expected) in shares.iter().zip([0.25, 0.5, 0.25]) {
            assert!((share - expected).abs() < 1e-3, "{shares:?}");
        }
        let even = f32::from(logit(0.5, true));
        assert!(even.abs() < 1e-3, "{even}");
    }
}
