//! The blob: one file that holds a whole model, used in place from flash or a mapped file.
//!
//! Little-endian. A header of [`HEADER_LEN`] bytes, then sections in this order, each starting
//! at a multiple of [`ALIGNMENT`] bytes from the start of the blob, gaps zero:
//!
//! | section | contents |
//! | --- | --- |
//! | vocabulary | [`crate::text::Vocabulary`]'s form, length in the header |
//! | labels | `u32` ends of the names, then the names in UTF-8, those of texts before those of tokens, length in the header |
//! | about | UTF-8: where the model came from, its licence notice, length in the header |
//! | embeddings | [`Table`] of words, and the [`Linear`] that projects them if they have a rank; [`Table`]s of positions and segments; [`Norm`] |
//! | layers | per layer [`Linear`] query, key, value, attention output; [`Norm`]; [`Linear`] intermediate, output; [`Norm`] |
//! | head | pooler [`Linear`] if there is one; [`Linear`] classifier of texts, of tokens, or both; or [`Readout`] |
//!
//! Sizes follow from the shape in the header, so there are no offsets to get wrong: the same
//! reader that checks a blob in [`crate::Model::parse`] later gives the views.
//!
//! Every matrix is stored in blocks of 16 output channels x 16 input channels, input channel
//! fastest: `[columns / 16][depth / 16][16 columns][16 depth]`, padded with zeros. One cache
//! line or vector register then holds consecutive input channels of one output channel, which
//! is what dot-product instructions of every size want. A blob made for one kind of processor may
//! have another order within its blocks: see [`Format`].
//!
//! # int4
//!
//! Matrices of the encoder, and embedding tables, may be int4. Each group of 16 weights, the inputs
//! of one output channel or channels of one row, has a multiplier `m` of 4 bits, and a nibble `n`
//! stands for the int8 weight `(n - 8) * m`, -120 to 105. So int4 is int8 in another form: all else
//! of a tensor is as if the int8 weights were stored.
//!
//! Two groups make a pair of 16 bytes, the first in their low halves, the second in the high ones;
//! the pair's multipliers are the halves of another byte. A block of a matrix has 8 pairs, columns
//! 0 and 1, 2 and 3 and so on; a table's row has one for each 32 channels. Multipliers of a tensor
//! stand together, before its nibbles.

mod checksum;
mod header;
mod labels;
mod reader;
mod tensors;

pub use checksum::Crc32;
pub use header::{CHECKSUM_FROM, HEADER_LEN, Header, MAGIC, VERSION, flags};
pub use labels::Labels;
pub use reader::Reader;
pub use tensors::{
    Embeddings, Format, HeadTensors, Layer, Linear, Matrix, Norm, PAIR, Readout, Table, TableRow,
};

/// Alignment of the blob and of every section in it, bytes.
pub const ALIGNMENT: usize = 16;

/// Why bytes are not a blob this version can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// The magic bytes at the start are missing.
    NotABlob,
    /// A version of the format this library does not read.
    Version(u32),
    /// The slice does not start at a multiple of [`ALIGNMENT`] bytes.
    Misaligned,
    /// The blob ends before its last section, or says another length than it has.
    Length { expected: usize, found: usize },
    /// A shape that cannot be: a zero, heads that do not divide the hidden size, a size past
    /// the limits in [`Header`].
    Shape,
    /// An unknown kind of head, pooling or activation, or a combination without meaning.
    Setting,
    /// Weights that are stored for another kind of processor.
    Target,
    /// A scale that is not a positive number in range.
    Scale,
    /// A multiplier of 2^30 or more, or of the wrong sign.
    Multiplier,
    /// The vocabulary section is malformed.
    Vocabulary,
    /// A special token that is not in the vocabulary.
    SpecialToken,
    /// Label names that are not UTF-8, or their ends not in order.
    Labels,
    /// The notice is not UTF-8.
    About,
}

impl core::fmt::Display for ParseError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NotABlob => f.write_str("not an embert blob (the magic bytes are missing)"),
            Self::Version(v) => write!(f, "blob version {v}, this library reads {VERSION}"),
            Self::Misaligned => write!(f, "the blob must start at a multiple of {ALIGNMENT} bytes"),
            Self::Length { expected, found } => {
                write!(f, "the blob should have {expected} bytes and has {found}")
            }
            Self::Shape => f.write_str("the blob's shape is impossible or past the limits"),
            Self::Setting => f.write_str("the blob asks for an unknown head or activation"),
            Self::Target => f.write_str(
                "the blob is made for x86-64: quantize once more without --for, for all targets",
            ),
            Self::Scale => f.write_str("the blob has a scale that is not a positive number"),
            Self::Multiplier => f.write_str("the blob has a multiplier out of range"),
            Self::Vocabulary => f.write_str("the blob's vocabulary is malformed"),
            Self::SpecialToken => f.write_str("a special token is not in the vocabulary"),
            Self::Labels => f.write_str("the blob's label names are malformed"),
            Self::About => f.write_str("the blob's notice is not UTF-8"),
        }
    }
}

impl core::error::Error for ParseError {}
