//! BERT that fits in a microcontroller: text in, labels out, without an allocator.
//!
//! ```no_run
//! use embert::{Engine, Model, Output};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (blob, scratch): (&[u8], &mut [u8]) = (&[], &mut []);
//! let model = Model::parse(blob)?; // in place, from flash or a mapped file
//! let mut engine = Engine::new(&model, scratch)?;
//! if let Output::Tokens { entities, .. } = engine.run("Ada lives in London.")?.output {
//!     for entity in entities {
//!         println!("{} at {}..{}", entity.label, entity.start, entity.end);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Five contracts
//!
//! 1. **Blob.** One file holds shape, tensors, scales, vocabulary, labels, settings, version and
//!    checksum, and is used in place ([`blob`]). [`Model::parse`] is total: any bytes give an error or
//!    a model, without panic, allocation or recursion, in time linear in the vocabulary and the
//!    scales. What it has checked cannot fail later.
//! 2. **Numbers.** The output depends on blob and text alone: the same bytes on every target, with
//!    every kernel and any number of threads. The scalar kernels define the arithmetic: integers per
//!    element, and per row or tensor `f32` with only those operations that IEEE 754 rounds alike
//!    everywhere.
//! 3. **Memory.** One scratch, owned by the caller. [`scratch_bytes`] is a `const fn` of the shape and
//!    the token limit ([`Plan`]); nothing else is kept between texts, and the stack is small.
//! 4. **Text.** Tokens and byte offsets are those of Hugging Face's `BertTokenizer` for any UTF-8
//!    ([`text`]); the vocabulary is searched in flash. The result says if a text was truncated.
//! 5. **Failure.** A small error per operation, no panics. A text that is too long is truncated and
//!    the result says so. Token classifiers read all of it with [`Windows`], in the same scratch.
//!
//! # Where things are
//!
//! `text` makes tokens, `encoder` is the forward pass of the paper, `heads` turns hidden states into
//! results, [`Engine`] joins them, [`Windows`] reads long texts window by window, [`Workers`] shares
//! the work among threads, [`Plan`] adds up the memory of all of them. `kernels` has the arithmetic, a
//! file or a folder for each instruction set. Items hidden from this documentation serve embert's own
//! tools and tests; they are outside semantic versioning.

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(target_endian = "big")]
compile_error!("blobs are used in place, in little-endian");

#[forbid(unsafe_code)]
pub mod blob;
#[forbid(unsafe_code)]
mod encoder;
#[forbid(unsafe_code)]
mod engine;
#[doc(hidden)]
#[forbid(unsafe_code)]
pub mod fixed;
#[doc(hidden)]
#[forbid(unsafe_code)]
pub mod heads;
#[doc(hidden)]
pub mod kernels;
#[forbid(unsafe_code)]
pub mod memory;
#[forbid(unsafe_code)]
mod model;
#[forbid(unsafe_code)]
mod plan;
#[forbid(unsafe_code)]
mod shape;
#[forbid(unsafe_code)]
pub mod text;
#[forbid(unsafe_code)]
mod windows;
#[forbid(unsafe_code)]
mod workers;

pub use blob::{Header, ParseError};
pub use encoder::TILE;
pub use engine::{Engine, EngineOptions, Output, Prediction, RunError, ScratchError};
pub use heads::{Entities, Entity, MAX_ANSWER_TOKENS, Span, TokenLabel};
pub use kernels::InstructionSet;
pub use memory::Scratch;
pub use model::Model;
pub use plan::{Plan, Regions, scratch_bytes};
pub use shape::{Activation, BLOCK, HeadKind, Pooling, Shape, blocks};
pub use windows::{Window, Windows};
pub use workers::{Join, Workers};
