//! What the verbs that train have in common.

mod data;
mod schedule;
mod trained_model;

pub use data::{Columns, Data, Examples};
pub use schedule::{Schedule, end};
pub use trained_model::{Storage, TrainedModel, in_words};
