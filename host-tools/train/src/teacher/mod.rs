//! Teachers: their outputs for the texts that a student is trained on (Hinton et al., arXiv
//! 1503.02531).

pub mod blob;
mod cache;
pub mod float;
mod soft_targets;

pub use cache::{CachedTargets, TeacherCache};
pub use soft_targets::{SoftTargets, TeacherFeatures, TeacherOutputs};
