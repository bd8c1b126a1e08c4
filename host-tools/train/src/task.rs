//! A task: the names of its labels, and a prediction for one example.

use embert_tools::question_windows::BestAnswer;

/// The labels of a task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// Labels of texts: intents, where words have tags too.
    pub classes: Vec<String>,
    /// Whether a text can have any number of classes.
    pub multi_label: bool,
    /// Tags of words, in IOB2; empty where words have none.
    pub tags: Vec<String>,
    /// Whether tags are decoded to the most probable valid IOB2 sequence.
    pub iob2: bool,
    /// Whether the task is question answering, which has no labels.
    pub questions: bool,
}

/// The predicted labels of one example.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Label indices of the text: one, any number, or none where texts have no labels.
    pub classes: Vec<usize>,
    /// Tag index of each word; 0 (`O`) for words that truncation removed.
    pub tags: Vec<usize>,
    /// The best answer in a window of a context.
    pub answer: Option<BestAnswer>,
}
