//! The parts of a blob, written.

pub mod vocabulary;
