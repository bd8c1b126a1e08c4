//! Training: the paper's two pre-training tasks, fine-tuning and distillation.

#![deny(unsafe_code)]

pub mod classifier;
pub mod example;
pub mod model;
pub mod ops;
pub mod optimizer;
pub mod state;
pub mod trainer;
