//! How good predictions are, in the measures that each task is published with.
//!
//! Fractions are from 0 to 1, those of nothing 0.

pub mod answers;
mod classes;
mod confusion;
pub mod engine;
mod entities;
mod joint;
mod picture;
pub mod predict;
mod questions;
mod score;

pub use classes::{ClassReport, multi_label, single_label};
pub use confusion::Confusion;
pub use entities::{EntityReport, Mode, Span, entities, spans};
pub use joint::{JointReport, Sentence, joint};
pub use questions::{QuestionReport, QuestionScore, exact_match, normalize, overlap, questions};
pub use score::{Named, Score};
