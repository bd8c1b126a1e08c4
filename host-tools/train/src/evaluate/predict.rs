//! What a model says of examples, and how good that is.

use crate::evaluate::answers::{found, question_report};
use crate::evaluate::{
    ClassReport, EntityReport, JointReport, Mode, QuestionReport, Sentence, entities, joint,
    multi_label, single_label,
};
use crate::example::{Class, Example, batch};
use crate::model::Dense;
use crate::model::classifier::{Classifier, Workspace};
use crate::task::{Prediction, Task};
use crate::teacher::{TeacherFeatures, TeacherOutputs};
use embert_tools::tags::decode;
use rayon::prelude::*;
use serde::Serialize;

/// Examples of a batch: no gradients are kept, so that memory does not decide.
const BATCH: usize = 64;

/// How good predictions are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Report {
    Classes(ClassReport),
    Entities {
        conlleval: EntityReport,
        strict: EntityReport,
    },
    Joint(JointReport),
    Questions(QuestionReport),
}

impl Report {
    /// The one number that a model is chosen by: accuracy of texts, or micro F1 where they can have
    /// several labels; micro F1 of entities; the mean of both for intents with slots; F1 of answers.
    pub fn score(&self) -> f64 {
        match self {
            Report::Classes(report) => report.micro.f1,
            Report::Entities { conlleval, .. } => conlleval.micro.f1,
            Report::Joint(report) => (report.intent_accuracy + report.slots.micro.f1) / 2.0,
            Report::Questions(report) => report.all.f1,
        }
    }
}

/// What becomes of each example's logits, of the text and of all its tokens, and of what is within.
/// `done` is called with the number of examples that have just been read.
pub(crate) fn each<T: Send>(
    model: &Classifier,
    examples: &[Example],
    outputs: TeacherOutputs,
    read: impl Fn(&Example, &[f32], &[f32], Option<TeacherFeatures>) -> T + Sync,
    done: impl Fn(usize) + Sync,
) -> Vec<T> {
    let width = |dense: &Option<Dense>| dense.as_ref().map_or(0, |dense| dense.outputs);
    let (classes, tags) = (width(&model.head.sequence), width(&model.head.tokens));
    let of_batch = |workspace: &mut Workspace, some: &[Example]| {
        let batch = batch(some);
        model.logits(&batch, workspace);
        let [states, qkv] = outputs.features();
        let features = states.then(|| workspace.features(&batch, qkv));
        let mut features = features.into_iter().flatten();
        let logits = workspace.logits();
        let numbered = some.iter().zip(&batch.sequences).enumerate();
        let of_each = numbered.map(|(index, (example, tokens))| {
            let of_text = &logits.sequence[index * classes..][..classes];
            let of_tokens = &logits.tokens[tokens.start * tags..tokens.end * tags];
            read(example, of_text, of_tokens, features.next())
        });
        let all: Vec<T> = of_each.collect();
        done(some.len());
        all
    };
    let batches = examples.par_chunks(BATCH);
    batches
        .map_init(Workspace::default, of_batch)
        .flatten_iter()
        .collect()
}

/// The predictions of a float model.
pub fn predict(model: &Classifier, task: &Task, examples: &[Example]) -> Vec<Prediction> {
    let answer = |example: &Example, _: &[f32], tokens: &[f32], _| {
        let window = example.window.as_ref();
        Prediction {
            answer: window.map(|window| found(example, window, tokens)),
            ..Prediction::default()
        }
    };
    let label = |example: &Example, text: &[f32], tokens: &[f32], _| Prediction {
        classes: match text {
            [] => Vec::new(),
            logits if task.multi_label => positive(logits),
            logits => vec![largest(logits)],
        },
        tags: tags(task, example, tokens),
        answer: None,
    };
    match task.questions {
        true => each(model, examples, TeacherOutputs::Logits, answer, |_| {}),
        false => each(model, examples, TeacherOutputs::Logits, label, |_| {}),
    }
}

/// The tag of each word, by the logits of all tokens; the first, `O`, for a word that is not seen.
fn tags(task: &Task, example: &Example, logits: &[f32]) -> Vec<usize> {
    let labels = task.tags.len();
    if labels == 0 {
        return Vec::new();
    }
    let row = |token: usize| &logits[token * labels..][..labels];
    let decoded = task.iob2.then(|| decode(&task.tags, &example.places, row));
    let tag = |token: usize| match &decoded {
        Some(decoded) => decoded[token].label as usize,
        None => largest(row(token)),
    };
    let words = example.words.iter();
    words.map(|word| word.token.map_or(0, tag)).collect()
}

/// The index of the largest, the first of equal ones.
pub(crate) fn largest(logits: &[f32]) -> usize {
    let numbered = logits.iter().enumerate();
    let largest = numbered.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    largest.map_or(0, |(index, _)| index)
}

/// Those of a probability above one half.
fn positive(logits: &[f32]) -> Vec<usize> {
    let numbered = logits.iter().enumerate();
    let above = numbered.filter(|&(_, &logit)| logit > 0.0);
    above.map(|(index, _)| index).collect()
}

/// What is right and what was predicted, where each text has one label; none elsewhere.
pub fn single_labels(
    task: &Task,
    examples: &[Example],
    predictions: &[Prediction],
) -> Option<(Vec<usize>, Vec<usize>)> {
    if task.multi_label || task.classes.is_empty() {
        return None;
    }
    let truth = examples.iter().map(|example| right(&example.class)[0]);
    let predicted = predictions.iter().map(|prediction| prediction.classes[0]);
    Some((truth.collect(), predicted.collect()))
}

/// Compares predictions with what is right.
///
/// # Panics
/// When there is not a prediction for each example.
pub fn report(task: &Task, examples: &[Example], predictions: &[Prediction]) -> Report {
    assert_eq!(examples.len(), predictions.len());
    if task.questions {
        return Report::Questions(question_report(examples, predictions));
    }
    let classes: Vec<Vec<usize>> = examples
        .iter()
        .map(|example| right(&example.class))
        .collect();
    if task.tags.is_empty() {
        let predicted = || predictions.iter().map(|prediction| &prediction.classes);
        return Report::Classes(match task.multi_label {
            true => multi_label(
                &task.classes,
                &classes,
                &predicted().cloned().collect::<Vec<_>>(),
            ),
            false => {
                let predicted: Vec<usize> = predicted().map(|classes| classes[0]).collect();
                single_label(&task.classes, &classes.concat(), &predicted)
            }
        });
    }
    let name = |tag: usize| task.tags[tag].as_str();
    let truth: Vec<Vec<&str>> = examples
        .iter()
        .map(|e| {
            e.words
                .iter()
                .map(|word| name(word.tag.unwrap_or(0) as usize))
                .collect()
        })
        .collect();
    let predicted: Vec<Vec<&str>> = predictions
        .iter()
        .map(|p| p.tags.iter().map(|&tag| name(tag)).collect())
        .collect();
    if task.classes.is_empty() {
        return Report::Entities {
            conlleval: entities(&truth, &predicted, Mode::Conlleval),
            strict: entities(&truth, &predicted, Mode::Strict),
        };
    }
    let sentence = |class: usize, tags| Sentence {
        intent: task.classes[class].as_str(),
        tags,
    };
    let truth = classes.iter().zip(truth);
    let truth: Vec<Sentence<'_>> = truth
        .map(|(class, tags)| sentence(class[0], tags))
        .collect();
    let predicted = predictions.iter().zip(predicted);
    let predicted: Vec<Sentence<'_>> = predicted
        .map(|(prediction, tags)| sentence(prediction.classes[0], tags))
        .collect();
    Report::Joint(joint(&truth, &predicted))
}

fn right(class: &Class) -> Vec<usize> {
    match class {
        Class::None => Vec::new(),
        Class::One(class) => vec![*class as usize],
        Class::Many(classes) => {
            let numbered = classes.iter().enumerate();
            numbered
                .filter(|(_, is)| **is > 0.5)
                .map(|(index, _)| index)
                .collect()
        }
    }
}
