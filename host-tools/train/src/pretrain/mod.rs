//! Pre-training (Devlin et al., section 3.1): a vocabulary, exercises of both tasks, and the model
//! that learns from them.

mod corpus;
mod exercise;
mod lesson;
mod model;
mod tokenizer;
mod wordpiece;

pub use corpus::{Corpus, PretrainError, split};
pub use exercise::{Exercise, Maker};
pub use lesson::{Data, Pretraining, Report};
pub use model::LanguageModel;
pub use tokenizer::{VocabularyError, spec};
pub use wordpiece::{SPECIAL, learn_pieces, word_counts};
