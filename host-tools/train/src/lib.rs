//! Training: the paper's two pre-training tasks, fine-tuning and distillation.

#![deny(unsafe_code)]

pub mod augment;
pub mod classifier;
pub mod data;
pub mod engine;
pub mod example;
pub mod finetune;
pub mod imitation;
pub mod knowledge;
pub mod labelled;
pub mod log;
pub mod metrics;
pub mod model;
pub mod objective;
pub mod ops;
pub mod optimizer;
pub mod predict;
pub mod pretrain;
pub mod questions;
mod random;
pub mod rounding;
mod shares;
pub mod state;
pub mod student;
pub mod trainer;
