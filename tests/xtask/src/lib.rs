//! The repository's own tasks, as `cargo xtask` runs them and as tests use them.

pub mod answer;
pub mod bench;
pub mod check;
pub mod compiler;
pub mod family;
pub mod image;
pub mod lint;
pub mod machine;
pub mod session;
pub mod setup;
pub mod time;
pub mod toolchain;
pub mod unicode_tables;
pub mod words;

mod process;
mod progress;
mod qemu;
mod wasm;
