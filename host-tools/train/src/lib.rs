//! Training: the paper's two pre-training tasks, fine-tuning and distillation.

#![deny(unsafe_code)]

pub mod augment;
pub mod data;
pub mod evaluate;
pub mod example;
pub mod finetune;
pub mod loss;
pub mod model;
pub mod ops;
pub mod pretrain;
mod random;
pub mod student;
pub mod task;
pub mod teacher;
pub mod trainer;
