//! Losses of fine-tuning and distillation.

pub mod feature_distillation;
pub mod objective;
