//! Pre-training (Devlin et al., section 3.1): a vocabulary, exercises of both tasks, and the model
//! that learns from them.

mod batch;
mod corpus;
mod model;
mod task;
mod tokenizer;
mod wordpiece;

pub use batch::{BatchSampler, PretrainingBatch};
pub use corpus::{Corpus, PretrainError, split};
pub use model::LanguageModel;
pub use task::{Data, Pretraining, Report};
pub use tokenizer::{VocabularyError, spec};
pub use wordpiece::{SPECIAL, learn_pieces, word_counts};
