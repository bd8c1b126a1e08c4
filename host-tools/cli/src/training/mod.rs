//! What the verbs that train have in common.

mod data;
mod learnt;
mod schedule;

pub use data::{Columns, Data, Examples};
pub use learnt::{Learnt, Storage, in_words};
pub use schedule::{Schedule, end};
