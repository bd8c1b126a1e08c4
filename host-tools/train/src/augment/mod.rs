//! More to learn from than there is.

mod lexical_substitution;
mod mention_replacement;

pub use lexical_substitution::{Thesaurus, substitute_words};
pub use mention_replacement::replace_mentions;
