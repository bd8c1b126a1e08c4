//! The host side of embert: reads Hugging Face checkpoints, quantizes them into blobs, and shows
//! what a blob holds and how faithful it is.

#![deny(unsafe_code)]

pub mod analyze;
pub mod blob;
pub mod checkpoint;
pub mod factorize;
pub mod files;
pub mod fit;
pub mod inspect;
pub mod mapped;
pub mod narrow;
pub mod prune;
pub mod quantize;
pub mod recase;
pub mod reference;
pub mod report;
pub mod sizes;
pub mod svg;
pub mod tags;
pub mod threads;
pub mod tokenizer;
pub mod validate;
pub mod windows;
