//! The part of the firmware that every board shares.
//!
//! A board's `main` brings up its serial line and its instruction counter and
//! calls [`serve`], which answers the host's requests for ever. The same image
//! runs any model: the blob lies in its own memory region (`MODEL` in the
//! board's `memory.x`), written there before the image starts.
#![no_std]
#![deny(unsafe_code)]

mod failure;
mod link;
#[cfg(not(target_family = "wasm"))]
mod log;
mod memory;
mod panic;
mod parts;
mod report;
mod service;

pub use service::{serve, serve_in, serve_short};

/// The serial line to the host.
pub trait Serial: Sync {
    /// Waits for the next byte.
    fn receive(&self) -> u8;
    /// Waits until the line takes `byte`.
    fn send(&self, byte: u8);
}

/// What the request loop needs of a board.
pub struct Board {
    /// The board's name, as QEMU has it.
    pub name: &'static str,
    pub serial: &'static dyn Serial,
    /// Instructions executed since some fixed point.
    pub instructions: fn() -> u64,
    /// Executes `2 * (iterations + 1)` instructions and few more.
    pub spin: fn(iterations: u32),
}
