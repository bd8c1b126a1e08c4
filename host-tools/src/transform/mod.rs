//! Smaller and other models made of a float checkpoint, before it is trained further or quantized.

pub mod cased;
pub mod factorize;
pub mod narrow;
pub mod prune;
