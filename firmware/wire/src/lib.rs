//! What the firmware and the host say to each other over the serial line.
//!
//! Every message is one postcard value in a COBS frame that ends with a zero
//! byte, so either side finds its place again after noise. An answer comes as
//! several small messages that end with [`Response::Done`] or
//! [`Response::Error`]; no side ever needs a buffer that grows with the answer.
#![no_std]
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

/// Longest encoded request in bytes, the terminating zero included. Longer
/// ones are answered by [`Response::Error`].
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Longest encoded response in bytes, the terminating zero included.
pub const MAX_RESPONSE_BYTES: usize = 1024;

/// What the host asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Say what board and model this is.
    Describe,
    /// Run the model on one text.
    Run { text: &'a str },
    /// Execute `2 * (iterations + 1)` instructions in a loop and say how many
    /// were counted: this checks the counter itself.
    Spin { iterations: u32 },
}

/// What the firmware says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response<'a> {
    /// One defmt record, raw encoding. May come at any time.
    Log(&'a [u8]),
    /// The firmware panicked or took a fault, and has stopped.
    Panic(&'a str),
    /// The request failed; nothing more comes for it.
    Error(&'a str),
    /// The request is answered; nothing more comes for it.
    Done(Cost),
}

/// What one request took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Instructions executed, as far as the board can tell: on the Arm boards
    /// in steps of one SysTick tick (40 instructions at 25 MHz).
    pub instructions: u64,
    /// Deepest stack use below the request loop, in bytes.
    pub stack_bytes: u32,
    /// Highest byte of the scratch that was written, counted from its start.
    pub scratch_bytes: u32,
}

/// Encodes `message` into `buffer` and returns the frame.
pub fn encode<'b, T: Serialize>(message: &T, buffer: &'b mut [u8]) -> postcard::Result<&'b [u8]> {
    postcard::to_slice_cobs(message, buffer).map(|frame| &*frame)
}
