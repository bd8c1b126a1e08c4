//! The parts of a blob, written.

mod aligned;
mod trie;
pub mod vocabulary;
pub mod writer;

pub use aligned::AlignedBytes;
