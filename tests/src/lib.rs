//! Helpers shared by the integration tests.

pub mod blobs;
pub mod checkpoints;
pub mod depth;
pub mod fuzz;
pub mod not_run;
pub mod readings;
pub mod sentences;
pub mod sram;
pub mod synthetic;
pub mod tiny;
pub mod weights;
