//! Students: smaller models that begin with what can be taken over of their teacher.

use embert_tools::checkpoint::{
    Checkpoint, CheckpointError, FloatModel, HeadChoice, LayerNorm, Pooling,
};
use embert_tools::quantize::{QuantizeError, calibration_ids};
use embert_tools::reference::InputError;
use embert_tools::sizes::{Sizes, SizesError};
use embert_tools::tokenizer::{StoredTokenizer, TokenizerBuildError};
use embert_tools::transform::factorize::principal;
use embert_tools::transform::narrow::narrow;
use ndarray::{Array2, ArrayView2};
use std::path::PathBuf;
use std::str::FromStr;
use thiserror::Error;

use crate::model::{Config, Encoder, Parameters, float_model};

/// What becomes a student.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Student {
    /// Layers drawn at random.
    Drawn(Sizes),
    /// The teacher's width and these of its layers (Sanh et al., arXiv 1910.01108, section 3).
    Layers(Vec<usize>),
    /// As many of the teacher's layers, narrowed.
    Narrowed(Sizes),
    /// A checkpoint that has been pre-trained (Turc et al., arXiv 1908.08962), in this folder.
    Pretrained(PathBuf),
}

#[derive(Debug, Error)]
pub enum StudentError {
    #[error(
        "{0}, with narrowed: before it or not, layers of the teacher such as from-layers:0,2,5, or a \
         pre-trained checkpoint's folder, from:FOLDER"
    )]
    Sizes(#[from] SizesError),
    #[error("a student cannot be wider than its teacher, whose hidden size is {teacher}")]
    Wider { teacher: usize },
    #[error("the teacher has {layers} layers, counted from 0: there is no layer {missing}")]
    NoLayer { layers: usize, missing: usize },
    #[error(
        "a teacher is narrowed to what it has no less of, in heads as wide as its own: of {width} \
         channels each"
    )]
    NotNarrower { width: usize },
    #[error("a text cannot be read: {0}")]
    Text(#[from] QuantizeError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerBuildError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(
        "embeddings of a low rank make no student's: give the teacher before it was factorized"
    )]
    LowRank,
}

impl FromStr for Student {
    type Err = StudentError;

    fn from_str(text: &str) -> Result<Self, StudentError> {
        if let Some(folder) = text.strip_prefix("from:") {
            return Ok(Student::Pretrained(folder.into()));
        }
        if let Some(shape) = text.strip_prefix("narrowed:") {
            return Ok(Student::Narrowed(shape.parse()?));
        }
        let layers = text.strip_prefix("from-layers:");
        let number = |number: &str| number.trim().parse().ok();
        match layers.and_then(|list| list.split(',').map(number).collect()) {
            Some(layers) => Ok(Student::Layers(layers)),
            None => Ok(Student::Drawn(text.parse()?)),
        }
    }
}

impl Student {
    /// What the student takes over its vocabulary and what it can of its parameters from: the teacher,
    /// or its own checkpoint, with the head if that has one.
    ///
    /// # Errors
    /// When its own cannot be read.
    pub fn base(&self, teacher: &Checkpoint) -> Result<Checkpoint, CheckpointError> {
        let none = HeadChoice::Embedding(Pooling::Mean);
        match self {
            Student::Pretrained(folder) => {
                Checkpoint::open(folder, None).or_else(|_| Checkpoint::open(folder, Some(none)))
            }
            _ => Ok(teacher.clone()),
        }
    }

    /// The student before it has learnt anything, with the tokenizer of `base` and for texts of
    /// at most `positions` tokens.
    ///
    /// Its embeddings are those of `base`, where the student is narrower in the directions in which
    /// they are largest; layers that are not of `base` are drawn at random. `texts` show what is to
    /// be kept of a teacher that is narrowed.
    ///
    /// # Errors
    /// When `base` has not what the student should take over.
    pub fn of(
        &self,
        base: &Checkpoint,
        positions: usize,
        texts: &[String],
        seed: u64,
    ) -> Result<Checkpoint, StudentError> {
        let model = &base.model;
        let mut student = match self {
            Student::Pretrained(_) => model.clone(),
            _ if model.word_projection.is_some() => return Err(StudentError::LowRank),
            Student::Layers(layers) => {
                let all = &model.layers;
                let layer = |&index: &usize| {
                    all.get(index).cloned().ok_or(StudentError::NoLayer {
                        layers: all.len(),
                        missing: index,
                    })
                };
                FloatModel {
                    layers: layers.iter().map(layer).collect::<Result<_, _>>()?,
                    ..model.clone()
                }
            }
            Student::Drawn(sizes) => drawn(model, *sizes, seed)?,
            Student::Narrowed(sizes) => narrowed(base, *sizes, texts)?,
        };
        let positions = positions.min(model.positions());
        let hidden = student.hidden;
        student.position_embeddings.truncate(positions * hidden);
        let tokenizer = base.tokenizer.clone();
        Ok(Checkpoint::encoder(&base.source, student, tokenizer))
    }
}

/// Texts that show what of the teacher is to be kept.
const SHOWN: usize = 300;

fn narrowed(base: &Checkpoint, sizes: Sizes, texts: &[String]) -> Result<FloatModel, StudentError> {
    if !sizes.within(&base.model) {
        return Err(StudentError::NotNarrower {
            width: base.model.head_width(),
        });
    }
    let some = texts.iter().step_by(texts.len().div_ceil(SHOWN).max(1));
    let some: Vec<String> = some.cloned().collect();
    let tokenizer = StoredTokenizer::of(&base.tokenizer)?;
    let ids = calibration_ids(base, &tokenizer.reader()?, &some)?;
    Ok(narrow(&base.model, sizes, &ids)?)
}

fn drawn(teacher: &FloatModel, sizes: Sizes, seed: u64) -> Result<FloatModel, StudentError> {
    let hidden = sizes.hidden;
    if hidden > teacher.hidden {
        return Err(StudentError::Wider {
            teacher: teacher.hidden,
        });
    }
    let config = Config {
        layers: sizes.layers,
        hidden,
        heads: sizes.heads,
        intermediate: sizes.intermediate,
        ..Config::of(teacher)
    };
    let mut parameters = Parameters::default();
    let encoder = Encoder::new(config, &mut parameters);
    parameters.draw(0.02, seed);
    let model = float_model(&encoder, &parameters.values);
    let rows = |table: &[f32]| {
        let rows = table.len() / teacher.hidden;
        let table = ArrayView2::from_shape((rows, teacher.hidden), table);
        table.expect("rows of the hidden size").mapv(f64::from)
    };
    let words = rows(&teacher.word_embeddings);
    let basis = match hidden == teacher.hidden {
        true => Array2::eye(hidden),
        false => principal(&words.t().dot(&words), hidden),
    };
    let narrow =
        |table: &Array2<f64>| -> Vec<f32> { table.dot(&basis).iter().map(|&v| v as f32).collect() };
    Ok(FloatModel {
        word_embeddings: narrow(&words),
        position_embeddings: narrow(&rows(&teacher.position_embeddings)),
        segment_embeddings: narrow(&rows(&teacher.segment_embeddings)),
        embedding_norm: LayerNorm {
            gamma: vec![1.0; hidden],
            beta: vec![0.0; hidden],
            epsilon: teacher.embedding_norm.epsilon,
        },
        ..model
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_are_read() {
        let read = |text: &str| text.parse::<Student>().ok();
        let sizes = |text: &str| text.parse::<Sizes>().unwrap();
        assert_eq!(read("tiny"), Some(Student::Drawn(sizes("2x128x2x512"))));
        assert_eq!(read("from-layers:0,2"), Some(Student::Layers(vec![0, 2])));
        let narrowed = Student::Narrowed(sizes("3x96x3x200"));
        assert_eq!(read("narrowed:3x96x3x200"), Some(narrowed));
        let folder = Student::Pretrained("a/b".into());
        assert_eq!(read("from:a/b"), Some(folder));
        for text in ["", "huge", "from-layers:", "narrowed:2x100x3x9"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
