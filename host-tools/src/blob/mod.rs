//! The parts of a blob, written.

mod aligned;
pub mod vocabulary;
pub mod writer;

pub use aligned::AlignedBytes;
