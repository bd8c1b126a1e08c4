//! Helpers shared by the integration tests.

pub mod checkpoints;
pub mod sentences;
pub mod tiny;
