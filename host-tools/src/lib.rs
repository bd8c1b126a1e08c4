//! The host side of embert: reads Hugging Face checkpoints, quantizes them into blobs, and shows
//! what a blob holds and how faithful it is.

#![deny(unsafe_code)]

pub mod analyze;
pub mod blob;
pub mod checkpoint;
pub mod files;
pub mod fit;
pub mod inspect;
pub mod mapped;
pub mod quantize;
pub mod question_windows;
pub mod reference;
pub mod report;
pub mod sizes;
pub mod svg;
pub mod tags;
pub mod threads;
pub mod tokenizer;
pub mod transform;
pub mod validate;
