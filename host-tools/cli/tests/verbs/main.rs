//! The command line as its users meet it, verb by verb.

mod blobs;
mod boards;
mod command;
#[cfg(feature = "train")]
mod finetune;
#[cfg(feature = "train")]
mod label;
mod mistakes;
#[cfg(feature = "train")]
mod pretrain;
#[cfg(feature = "train")]
mod questions;
mod run;
