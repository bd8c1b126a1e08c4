//! Training: the paper's two pre-training tasks, fine-tuning and distillation.

#![deny(unsafe_code)]
