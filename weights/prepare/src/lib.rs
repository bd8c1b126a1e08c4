//! The data conversions of the recipes in `weights/`, one function each.
//!
//! All functions work on bytes, because some data sets are not valid UTF-8. A word is a run of bytes
//! without space, tab and line feed. Output lines end with a line feed.

pub mod conll;
pub mod input;
pub mod lines;
pub mod names;
pub mod random;
pub mod sentences;
pub mod sentiment;
pub mod templates;
