//! The host side of embert: reads Hugging Face checkpoints, quantizes them into blobs, and shows
//! what a blob holds and how faithful it is.

pub mod checkpoint;
