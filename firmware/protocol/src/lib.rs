//! What the firmware and the host say to each other over the serial line.
//!
//! Every message is one postcard value in a COBS frame that ends with a zero
//! byte, so either side finds its place again after noise. An answer comes as
//! several small messages that end with [`Response::Done`] or
//! [`Response::Error`]; no side ever needs a buffer that grows with the answer.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;

use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Longest encoded request in bytes, the terminating zero included. Longer
/// ones are answered by [`Response::Error`].
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// Longest encoded response in bytes, the terminating zero included.
pub const MAX_RESPONSE_BYTES: usize = 1024;

/// Numbers of an embedding that one [`Response::Numbers`] holds at most.
pub const NUMBERS_PER_RESPONSE: usize = 32;

/// What the host asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// Run the model on one text.
    Run {
        /// What to ask of the text: it is then the second of a pair.
        question: Option<&'a str>,
        text: &'a str,
        /// Read no more than this many tokens at once, in a scratch for as many.
        /// `None`: as many as the model has positions.
        limit: Option<u32>,
        /// Say the label of every token too.
        tokens: bool,
        /// Use the kernels of this instruction set. `None`: the fastest at hand.
        set: Option<&'a str>,
        /// Say what every kernel took.
        parts: bool,
    },
    /// Hold the kernels of an instruction set to the scalar ones, bit for bit.
    Check { set: &'a str },
    /// Do a piece of work and say what it took.
    Measure { set: &'a str, work: Work },
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
    /// What was read of the text: first of the answers to [`Request::Run`]. A long text whose
    /// tokens are labelled is read in windows; each begins with its own.
    Read {
        /// Tokens read, `[CLS]` and `[SEP]` included.
        tokens: u32,
        truncation: Option<Truncation>,
        head: Head,
    },
    /// One class and its probability, in the model's order.
    Class { label: &'a str, probability: f32 },
    /// One entity, in the order of the text; `start` and `end` are bytes of it.
    Entity {
        label: &'a str,
        start: u32,
        end: u32,
        score: f32,
    },
    /// One token's label, where asked for: in the order of the text, after the
    /// entities, without `[CLS]` and `[SEP]`.
    Token {
        piece: &'a str,
        start: u32,
        end: u32,
        label: &'a str,
        score: f32,
    },
    /// The embedding's next numbers.
    Numbers(Vec<f32, NUMBERS_PER_RESPONSE>),
    /// The part of the text that answers the question, and the score of there
    /// being none.
    Answer { span: Option<Span>, null_score: f32 },
    /// What one kernel took in all, in answer to [`Request::Run`].
    Part { kernel: Kernel, part: Part },
    /// How many cases [`Request::Check`] went through.
    Checked { cases: u32 },
    /// The request is answered; nothing more comes for it.
    Done(Cost),
}

/// The operations of `embert::kernels::Kernels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kernel {
    Matmul,
    Linear,
    Requantize,
    Softmax,
    Activate,
    Normalize,
    Expand,
    AddEmbedding,
    AddHidden,
    QuantizeHidden,
    Quantize,
    QuantizeActivated,
    ScaleDown,
    Range,
    RangeActivated,
    MaxAbs,
    PackValues,
}

impl Kernel {
    pub const ALL: [Self; 17] = [
        Self::Matmul,
        Self::Linear,
        Self::Requantize,
        Self::Softmax,
        Self::Activate,
        Self::Normalize,
        Self::Expand,
        Self::AddEmbedding,
        Self::AddHidden,
        Self::QuantizeHidden,
        Self::Quantize,
        Self::QuantizeActivated,
        Self::ScaleDown,
        Self::Range,
        Self::RangeActivated,
        Self::MaxAbs,
        Self::PackValues,
    ];
}

/// A piece of work for one kernel: `rows` rows of `columns`; a product's inner length is `depth`,
/// which to all other kernels is a choice of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    pub kernel: Kernel,
    pub rows: u32,
    pub depth: u32,
    pub columns: u32,
}

impl Work {
    pub const fn new(kernel: Kernel, rows: u32, depth: u32, columns: u32) -> Self {
        Work {
            kernel,
            rows,
            depth,
            columns,
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work {
            kernel,
            rows,
            depth,
            columns,
        } = self;
        write!(f, "{kernel:?} {rows}x{depth}x{columns}")
    }
}

/// What one kernel took in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub calls: u32,
    pub instructions: u64,
}

/// Which kind of result follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Head {
    /// [`Response::Class`], one for every label.
    Classes,
    /// [`Response::Entity`], then [`Response::Token`].
    Tokens,
    /// [`Response::Numbers`].
    Embedding,
    /// [`Response::Class`], then as [`Head::Tokens`].
    Joint,
    /// [`Response::Answer`].
    Answer,
}

/// A part of the text: bytes `start` to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub start: u32,
    pub end: u32,
    pub score: f32,
}

/// What was not read of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Tokens the whole text would have had.
    pub tokens_needed: u32,
    /// The text was read up to this byte.
    pub bytes_read: u32,
}

/// What one request took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Instructions executed, as far as the board can tell: on the Arm boards
    /// in steps of one SysTick tick (40 instructions at 25 MHz).
    pub instructions: u64,
    /// Deepest stack use below the request loop, in bytes.
    pub stack_bytes: u32,
    /// Size of the scratch for the request's token limit, in bytes.
    pub scratch_bytes: u32,
    /// Bytes of it up to the last one that was written.
    pub scratch_used_bytes: u32,
}

/// Encodes `message` into `buffer` and returns the frame.
pub fn encode<'b, T: Serialize>(message: &T, buffer: &'b mut [u8]) -> postcard::Result<&'b [u8]> {
    postcard::to_slice_cobs(message, buffer).map(|frame| &*frame)
}

/// Decodes a message from `frame`, whose bytes it overwrites. The terminating
/// zero may be there or not.
pub fn decode<'b, T: Deserialize<'b>>(frame: &'b mut [u8]) -> postcard::Result<T> {
    postcard::from_bytes_cobs(frame)
}
