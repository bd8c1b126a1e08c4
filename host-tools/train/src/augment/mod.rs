//! More to learn from than there is.

mod exchange;
mod rewrite;

pub use exchange::exchanged;
pub use rewrite::{Thesaurus, rewritten};
