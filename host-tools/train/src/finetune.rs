//! Fine-tuning (Devlin et al., section 4): a pre-trained encoder, a new head, and a task's data.

use crate::data::{
    Columns, DataError, HeldOut, LabelledText, LabelledWords, Labels, Question, SourceLine,
    labelled_texts, labelled_words, questions,
};
use crate::example::{Class, Example};
use crate::model::classifier::Classifier;
use crate::model::{Config, Dense, float_dense, float_model, load, load_dense};
use crate::task::Task;
use embert::text::EncodeError;
use embert_tools::checkpoint::{Checkpoint, FloatHead, FloatModel};
use embert_tools::tokenizer::{Reader, StoredTokenizer, TokenizerBuildError};
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum FinetuneError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerBuildError),
    #[error("a text cannot be read: {0}")]
    Text(#[from] EncodeError),
    #[error(
        "the model has one segment: it cannot read pairs of texts, nor questions with a context"
    )]
    NoPairs,
    #[error("the model answers questions: give it some in SQuAD's JSON, with --questions")]
    NoQuestions,
    #[error("the model answers no questions: fine-tune one with --questions")]
    NoAnswers,
}

/// How a data set is read.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Words have tags: CoNLL columns, or a folder with `seq.in` and `seq.out`.
    pub words: bool,
    /// Questions in SQuAD's JSON, whose contexts are read in windows that begin so many tokens one
    /// after the other.
    pub questions: Option<usize>,
    pub columns: Columns,
    /// Types of entities that count as none.
    pub ignored: Vec<String>,
    /// A text can have any number of labels.
    pub multi_label: bool,
}

/// The rows of a file, before their labels have numbers.
#[derive(Clone, Debug)]
pub enum Rows {
    Texts(Vec<LabelledText>),
    Words(Vec<LabelledWords>),
    Questions {
        questions: Vec<Arc<Question>>,
        /// Tokens from the beginning of a window of the context to that of the next.
        stride: usize,
    },
}

impl Rows {
    /// The texts; words with spaces between them.
    pub fn texts(&self) -> Vec<String> {
        match self {
            Rows::Texts(rows) => {
                let both = |row: &LabelledText| [Some(row.text.clone()), row.pair.clone()];
                rows.iter().flat_map(both).flatten().collect()
            }
            Rows::Words(rows) => rows.iter().map(|row| row.words.join(" ")).collect(),
            Rows::Questions { questions, .. } => {
                let both = |row: &Arc<Question>| [row.question.clone(), row.context.clone()];
                questions.iter().flat_map(both).collect()
            }
        }
    }

    /// These and more, of which no labels are known: what is between white space is a word. No text
    /// is a question.
    pub fn with(mut self, texts: &[String]) -> Self {
        let place = |line| SourceLine {
            path: Path::new("texts without labels").into(),
            line: line + 1,
        };
        let numbered = texts.iter().enumerate();
        match &mut self {
            Rows::Texts(rows) => rows.extend(numbered.map(|(line, text)| LabelledText {
                at: place(line),
                text: text.clone(),
                pair: None,
                labels: Vec::new(),
            })),
            Rows::Words(rows) => rows.extend(numbered.map(|(line, text)| LabelledWords {
                at: place(line),
                words: text.split_whitespace().map(str::to_owned).collect(),
                tags: Vec::new(),
                intent: None,
            })),
            Rows::Questions { .. } => {}
        }
        self
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Rows::Texts(rows) => rows.len(),
            Rows::Words(rows) => rows.len(),
            Rows::Questions { questions, .. } => questions.len(),
        }
    }

    /// Leaves out the rows whose text models are judged by.
    pub fn leave_out(&mut self, held_out: &HeldOut) {
        match self {
            Rows::Texts(rows) => rows.retain(|row| !held_out.has_text(row)),
            Rows::Words(rows) => rows.retain(|row| !held_out.has_words(row)),
            Rows::Questions { questions, .. } => {
                questions.retain(|question| !held_out.has(&question.context));
            }
        }
    }
}

impl Source {
    /// # Errors
    /// When the file is not what it is said to be; with file and line, or the question's id.
    pub fn read(&self, path: &Path) -> Result<Rows, DataError> {
        match (self.questions, self.words) {
            (Some(stride), _) => Ok(Rows::Questions {
                questions: questions(path)?.into_iter().map(Arc::new).collect(),
                stride,
            }),
            (None, true) => labelled_words(path, &self.ignored).map(Rows::Words),
            (None, false) => labelled_texts(path, &self.columns).map(Rows::Texts),
        }
    }
}

/// The labels of texts and of words.
#[derive(Clone, Debug, Default)]
pub struct TaskLabels {
    pub classes: Labels,
    pub tags: Labels,
    /// Tags belong to the first piece of a word, and make a valid sequence.
    pub iob2: bool,
    pub multi_label: bool,
    /// There are no labels, but answers to questions.
    pub questions: bool,
}

impl TaskLabels {
    /// The labels that a training file has.
    pub fn of(rows: &Rows, source: &Source) -> Self {
        let (classes, tags) = match rows {
            Rows::Texts(rows) => (Labels::of_texts(rows), Labels::default()),
            Rows::Words(rows) => (Labels::of_intents(rows), Labels::of_tags(rows)),
            Rows::Questions { .. } => Default::default(),
        };
        TaskLabels {
            classes,
            tags,
            iob2: matches!(rows, Rows::Words(_)),
            multi_label: source.multi_label,
            questions: matches!(rows, Rows::Questions { .. }),
        }
    }

    /// Their names.
    pub fn task(&self) -> Task {
        Task {
            classes: self.classes.names().to_vec(),
            multi_label: self.multi_label,
            tags: self.tags.names().to_vec(),
            iob2: self.iob2,
            questions: self.questions,
        }
    }

    /// Rows as a model sees them, at most `limit` tokens each.
    ///
    /// # Errors
    /// When a row has a label that is not among these, or is a question where there are labels.
    pub fn examples(
        &self,
        rows: Rows,
        reader: &Reader<'_>,
        limit: usize,
    ) -> Result<Vec<Example>, FinetuneError> {
        let multi_label = self.multi_label.then_some(self.classes.len());
        match rows {
            Rows::Questions { .. } if !self.questions => Err(FinetuneError::NoAnswers),
            Rows::Questions { questions, stride } => {
                let mut examples = Vec::new();
                for question in &questions {
                    examples.extend(Example::windows(reader, question, limit, stride)?);
                }
                Ok(examples)
            }
            _ if self.questions => Err(FinetuneError::NoQuestions),
            Rows::Texts(rows) => rows
                .into_iter()
                .map(|row| {
                    let row = row.numbered(&self.classes)?;
                    Ok(Example::classified(reader, &row, multi_label, limit)?)
                })
                .collect(),
            Rows::Words(rows) => {
                let continued = self.tags.continued().filter(|_| self.iob2);
                rows.into_iter()
                    .map(|row| {
                        let labelled = !row.tags.is_empty() && !self.classes.is_empty();
                        if labelled && row.intent.is_none() {
                            return Err(FinetuneError::Data(DataError::Malformed {
                                at: row.at,
                                reason: "the sentence has tags and no intent: give a folder with \
                                     seq.in, seq.out and label"
                                    .into(),
                            }));
                        }
                        let row = row.numbered(&self.tags, &self.classes)?;
                        let mut example = Example::tagged(reader, &row, limit)?;
                        if let Some(continued) = &continued {
                            example.propagate_tags(continued);
                        }
                        Ok(example)
                    })
                    .collect()
            }
        }
    }
}

/// Reads a file into examples for a checkpoint's tokenizer.
///
/// # Errors
/// When the file or a label of it cannot be understood, or the model reads no pairs of texts.
pub fn examples(
    checkpoint: &Checkpoint,
    labels: &TaskLabels,
    rows: Rows,
    limit: usize,
) -> Result<Vec<Example>, FinetuneError> {
    let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer)?;
    let limit = limit.min(checkpoint.model.positions());
    let examples = labels.examples(rows, &tokenizer.reader()?, limit)?;
    let pairs = examples.iter().any(|example| example.pair.is_some());
    match pairs && checkpoint.model.segments() < 2 {
        true => Err(FinetuneError::NoPairs),
        false => Ok(examples),
    }
}

/// Weights by which each class counts as much as any other, however many texts it has.
pub fn balance(classes: usize, examples: &[Example]) -> Vec<f32> {
    let mut counts = vec![0usize; classes];
    for example in examples {
        if let Class::One(class) = example.class {
            counts[class as usize] += 1;
        }
    }
    let all: usize = counts.iter().sum();
    let weight = |count: usize| all as f32 / (classes * count.max(1)) as f32;
    counts.into_iter().map(weight).collect()
}

/// What has been learnt, as a checkpoint with the tokenizer of the one it began with.
pub fn checkpoint(model: &Classifier, task: &Task, base: &Checkpoint) -> Checkpoint {
    let values = &model.parameters.values;
    let of = |dense: &Option<Dense>| dense.as_ref().map(|dense| float_dense(dense, values));
    let (sequence, tokens) = (of(&model.head.sequence), of(&model.head.tokens));
    let (head, labels, intents) = match (sequence, tokens) {
        (Some(intents), Some(slots)) => (
            FloatHead::Joint { intents, slots },
            task.tags.clone(),
            task.classes.clone(),
        ),
        (Some(classifier), None) => (
            FloatHead::SequenceClassification {
                classifier,
                multi_label: task.multi_label,
            },
            task.classes.clone(),
            Vec::new(),
        ),
        (None, Some(classifier)) if task.questions => {
            (FloatHead::Spans { classifier }, Vec::new(), Vec::new())
        }
        (None, Some(classifier)) => (
            FloatHead::TokenClassification { classifier },
            task.tags.clone(),
            Vec::new(),
        ),
        (None, None) => (base.head.clone(), base.labels.clone(), base.intents.clone()),
    };
    Checkpoint {
        source: base.source.clone(),
        model: FloatModel {
            pooler: of(&model.head.pooler),
            ..float_model(&model.encoder, values)
        },
        head,
        labels,
        intents,
        iob2: task.iob2,
        tokenizer: base.tokenizer.clone(),
        notes: Vec::new(),
    }
}

/// A checkpoint that has been fine-tuned, and its labels; none for one without a classifier.
pub fn teacher(checkpoint: &Checkpoint) -> Option<(Classifier, TaskLabels)> {
    let (labels, intents) = (&checkpoint.labels, &checkpoint.intents);
    let (classes, tags, dense) = match &checkpoint.head {
        FloatHead::SequenceClassification { classifier, .. } => {
            (labels.clone(), Vec::new(), [Some(classifier), None])
        }
        FloatHead::TokenClassification { classifier } | FloatHead::Spans { classifier } => {
            (Vec::new(), labels.clone(), [None, Some(classifier)])
        }
        FloatHead::Joint { intents: of, slots } => {
            (intents.clone(), labels.clone(), [Some(of), Some(slots)])
        }
        FloatHead::Embedding { .. } => return None,
    };
    let labels = TaskLabels {
        classes: Labels::in_order(classes),
        tags: Labels::in_order(tags),
        iob2: checkpoint.iob2,
        multi_label: matches!(
            checkpoint.head,
            FloatHead::SequenceClassification {
                multi_label: true,
                ..
            }
        ),
        questions: matches!(checkpoint.head, FloatHead::Spans { .. }),
    };
    let mut model = model(checkpoint, &labels.task(), 0);
    let places = [model.head.sequence.clone(), model.head.tokens.clone()];
    for (place, dense) in places.iter().zip(dense) {
        if let (Some(place), Some(dense)) = (place, dense) {
            load_dense(place, dense, &mut model.parameters);
        }
    }
    Some((model, labels))
}

/// A model for a task on a checkpoint's encoder; its classifiers are drawn at random.
pub fn model(checkpoint: &Checkpoint, task: &Task, seed: u64) -> Classifier {
    let outputs = match task.questions {
        true => 2,
        false => task.tags.len(),
    };
    let labels = [task.classes.len(), outputs];
    let config = Config::of(&checkpoint.model);
    let mut model = Classifier::new(config, labels, seed);
    load(&model.encoder, &checkpoint.model, &mut model.parameters);
    if let (Some(pooler), Some(floats)) = (&model.head.pooler, &checkpoint.model.pooler) {
        load_dense(pooler, floats, &mut model.parameters);
    }
    model
}
