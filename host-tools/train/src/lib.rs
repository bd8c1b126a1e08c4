//! Training: the paper's two pre-training tasks, fine-tuning and distillation.

#![deny(unsafe_code)]

pub mod data;
pub mod metrics;
pub mod model;
pub mod ops;
pub mod optimizer;
