//! The outputs of a teacher that a student is trained on.

use crate::model::Tape;
use half::f16;
use std::ops::Range;

/// The teacher's logits for one example: of the text, and of each word. Teacher and student may
/// tokenize the text differently.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoftTargets {
    /// `[labels]`, empty where texts have none.
    pub text: Vec<f16>,
    /// `[words x labels]`; zeros for words that truncation removed.
    pub words: Vec<f16>,
    /// Its features, where teacher and student tokenize the example alike.
    pub features: Option<TeacherFeatures>,
}

/// The outputs that are computed with a teacher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeacherOutputs {
    /// Logits.
    Logits,
    /// Logits and last hidden states.
    HiddenStates,
    /// These, and queries, keys and values of the last layer.
    HiddenStatesAndQkv,
    /// Logits of the teacher's blob, by the integer engine: several times faster.
    Blob,
}

impl TeacherOutputs {
    /// Whether these have last hidden states, and queries, keys and values.
    pub(crate) fn features(self) -> [bool; 2] {
        match self {
            TeacherOutputs::Logits | TeacherOutputs::Blob => [false, false],
            TeacherOutputs::HiddenStates => [true, false],
            TeacherOutputs::HiddenStatesAndQkv => [true, true],
        }
    }
}

/// Hidden states and, if requested, queries, keys and values of a teacher for one example.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TeacherFeatures {
    /// Last hidden states, `[tokens x hidden]`.
    pub states: Vec<f16>,
    /// Queries, keys and values of the last layer, `[tokens x 3 hidden]`; empty if not requested.
    pub qkv: Vec<f16>,
}

impl TeacherFeatures {
    /// The features of a forward pass, one element per sequence; `qkv` adds queries, keys and values.
    pub fn of(tape: &Tape, sequences: &[Range<usize>], qkv: bool) -> Vec<Self> {
        let tokens = sequences.last().map_or(0, |last| last.end).max(1);
        let last = tape.layers.last().filter(|_| qkv);
        let qkv = last.map_or(&[][..], |layer| &layer.qkv);
        let half = |rows: &[f32], sequence: &Range<usize>| {
            let width = rows.len() / tokens;
            let rows = &rows[sequence.start * width..sequence.end * width];
            rows.iter().map(|&v| f16::from_f32(v)).collect()
        };
        let inner = sequences.iter().map(|sequence| TeacherFeatures {
            states: half(tape.output(), sequence),
            qkv: half(qkv, sequence),
        });
        inner.collect()
    }
}
