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
//!    checksum, and is used where it lies ([`blob`]). [`Model::parse`] is total: any bytes give
//!    an error or a model, without panic, allocation or recursion, in time linear in the
//!    vocabulary and the scales. What it has checked once cannot fail later.
//! 2. **Numbers.** The output depends on blob and text alone: the same bytes on every target,
//!    with every kernel, however many threads. [`kernels::scalar`] defines the arithmetic:
//!    integers per element ([`fixed`]), and per row or tensor `f32` with only those operations
//!    that IEEE 754 rounds alike everywhere.
//! 3. **Memory.** One scratch, owned by the caller. [`scratch_bytes`] is a `const fn` of shape and
//!    token limit ([`memory`]); nothing else is kept between texts, and the stack is small.
//! 4. **Text.** Tokens and byte offsets are those of Hugging Face's `BertTokenizer` for any
//!    UTF-8 ([`text`]); the vocabulary is searched in flash. Truncation is said in the result.
//! 5. **Failure.** A small error per operation, no panics; a text too long is cut and the result
//!    says so, never a wrong answer. Where tokens have labels, [`Windows`] read all of it, in the
//!    same scratch.
//!
//! # Where things are
//!
//! [`text`] makes tokens, [`encoder`] is the forward pass of the paper, [`heads`] turns hidden
//! states into results, [`Engine`] joins them, [`windows`] read long texts piece by piece, [`workers`]
//! share the work where there are threads.
//! [`kernels`] holds the arithmetic, a file or a folder for each instruction set.

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

#[cfg(feature = "std")]
extern crate std;

#[cfg(target_endian = "big")]
compile_error!("blobs are used in place, in little-endian");

#[forbid(unsafe_code)]
pub mod blob;
#[forbid(unsafe_code)]
pub mod encoder;
#[forbid(unsafe_code)]
pub mod engine;
#[forbid(unsafe_code)]
pub mod fixed;
#[forbid(unsafe_code)]
pub mod heads;
pub mod kernels;
#[forbid(unsafe_code)]
pub mod memory;
#[forbid(unsafe_code)]
mod model;
#[forbid(unsafe_code)]
mod shape;
#[forbid(unsafe_code)]
pub mod text;
#[forbid(unsafe_code)]
pub mod windows;
#[forbid(unsafe_code)]
pub mod workers;

pub use blob::{Header, ParseError};
pub use engine::{Engine, EngineOptions, Output, Prediction, RunError, ScratchError};
pub use heads::{Entities, Entity, MAX_ANSWER_TOKENS, Span};
pub use memory::{Scratch, TokenLabel, scratch_bytes};
pub use model::Model;
pub use shape::{Activation, BLOCK, HeadKind, Pooling, Shape, blocks};
pub use windows::{Window, Windows};
pub use workers::{Join, Workers};
