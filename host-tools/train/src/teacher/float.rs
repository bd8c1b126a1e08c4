//! Soft targets of a float teacher.

use super::{SoftTargets, TeacherOutputs};
use crate::evaluate::predict::each;
use crate::example::Example;
use crate::model::classifier::Classifier;
use half::f16;
use half::slice::HalfFloatSliceExt;

/// The soft targets of `examples`, with the features that `outputs` names. `done` is called with the
/// number of examples just read.
pub fn predict_soft_targets(
    teacher: &Classifier,
    examples: &[Example],
    outputs: TeacherOutputs,
    done: impl Fn(usize) + Sync,
) -> Vec<SoftTargets> {
    let labels = teacher.head.tokens.as_ref().map_or(0, |head| head.outputs);
    let read = |example: &Example, text: &[f32], tokens: &[f32], features| {
        let mut words = vec![f16::ZERO; example.words.len() * labels];
        let rows = words.chunks_exact_mut(labels.max(1));
        for (row, word) in rows.zip(&example.words) {
            if let Some(token) = word.token {
                row.convert_from_f32_slice(&tokens[token * labels..][..labels]);
            }
        }
        SoftTargets {
            text: text.iter().map(|&logit| f16::from_f32(logit)).collect(),
            words,
            features,
        }
    };
    each(teacher, examples, outputs, read, done)
}
