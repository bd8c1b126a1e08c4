//! The fixed-size head of a blob.

use super::{Format, ParseError};
use crate::shape::{Activation, HeadKind, Pooling, Shape};

pub const MAGIC: [u8; 8] = *b"EMBERT\x1a\n";
pub const VERSION: u32 = 2;
pub const HEADER_LEN: usize = 128;
/// The checksum covers all bytes from here to the end.
pub const CHECKSUM_FROM: usize = 20;

/// Bits of [`Header::flags`].
pub mod flags {
    pub const LOWERCASE: u8 = 1;
    pub const STRIP_ACCENTS: u8 = 2;
    pub const CLEAN_TEXT: u8 = 4;
    pub const HANDLE_CHINESE_CHARS: u8 = 8;
    /// Each label on its own (sigmoid) instead of one of all (softmax).
    pub const MULTI_LABEL: u8 = 16;
    /// Embeddings of length one.
    pub const NORMALIZE: u8 = 32;
    pub const POOLER: u8 = 64;
    /// A matrix of the encoder is int4.
    pub const INT4: u8 = 128;
}

/// Limits that keep every sum in its integer: see the kernels' bounds.
const MAX_HIDDEN: usize = 4096;
const MAX_INTERMEDIATE: usize = 1 << 16;
const MAX_COUNT: usize = 1 << 20;
const MAX_LABELS: usize = u16::MAX as usize;
/// `[CLS]`, one piece and `[SEP]`: a model of fewer positions reads nothing.
const MIN_POSITIONS: usize = 3;

/// The header, decoded. Offsets in bytes from the start of the blob:
///
/// magic 0, version 8, length 12, checksum 16, head 20, activation 21, pooling 22, flags 23,
/// layers 24, hidden 28, heads 32, intermediate 36, vocabulary 40, positions 44, segments 48,
/// labels 52, unknown 56, cls 60, sep 64, pad 68, mask 72, longest word 76, lengths of
/// the vocabulary 80, the labels 84 and the notice 88, formats of the tables of words 92, positions
/// 93 and segments 94, tags 95, rank 96, labels of tokens 100; zeros to 128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub length: usize,
    pub checksum: u32,
    pub shape: Shape,
    pub activation: Activation,
    pub flags: u8,
    pub unknown: u32,
    pub cls: u32,
    pub sep: u32,
    /// `u32::MAX` where the model has none.
    pub pad: u32,
    /// `u32::MAX` where the model has none.
    pub mask: u32,
    /// Words of more characters than this are the unknown token.
    pub max_input_chars_per_word: usize,
    pub vocabulary_len: usize,
    pub labels_len: usize,
    pub about_len: usize,
    /// Of the word, position and segment embeddings: int8 ([`Format::Columns`]) or nibbles.
    pub tables: [Format; 3],
}

const fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Header {
    /// Reads and checks the header alone; usable in a `const`, for a static scratch.
    pub const fn read(blob: &[u8]) -> Result<Header, ParseError> {
        if blob.len() < HEADER_LEN {
            return Err(ParseError::NotABlob);
        }
        let mut i = 0;
        while i < MAGIC.len() {
            if blob[i] != MAGIC[i] {
                return Err(ParseError::NotABlob);
            }
            i += 1;
        }
        let version = u32_at(blob, 8);
        if version != VERSION {
            return Err(ParseError::Version(version));
        }
        let head = match blob[20] {
            0 => HeadKind::SequenceClassification,
            1 => HeadKind::TokenClassification,
            2 => HeadKind::Embedding,
            3 => HeadKind::Joint,
            4 => HeadKind::Spans,
            _ => return Err(ParseError::Setting),
        };
        let activation = match blob[21] {
            0 => Activation::GeluErf,
            1 => Activation::GeluTanh,
            2 => Activation::Relu,
            _ => return Err(ParseError::Setting),
        };
        let pooling = match blob[22] {
            0 => Pooling::Mean,
            1 => Pooling::Cls,
            2 => Pooling::Pooler,
            _ => return Err(ParseError::Setting),
        };
        let flags = blob[23];
        let shape = Shape {
            layers: u32_at(blob, 24) as usize,
            hidden: u32_at(blob, 28) as usize,
            heads: u32_at(blob, 32) as usize,
            intermediate: u32_at(blob, 36) as usize,
            vocabulary: u32_at(blob, 40) as usize,
            rank: u32_at(blob, 96) as usize,
            positions: u32_at(blob, 44) as usize,
            segments: u32_at(blob, 48) as usize,
            labels: u32_at(blob, 52) as usize,
            token_labels: u32_at(blob, 100) as usize,
            iob2: match blob[95] {
                0 => false,
                1 => true,
                _ => return Err(ParseError::Setting),
            },
            head,
            pooling,
            has_pooler: flags & flags::POOLER != 0,
            has_int4: flags & flags::INT4 != 0,
        };
        if !possible(&shape) {
            return Err(ParseError::Shape);
        }
        if matches!(head, HeadKind::Embedding)
            && matches!(pooling, Pooling::Pooler)
            && !shape.has_pooler
        {
            return Err(ParseError::Setting);
        }
        let mut tables = [Format::Columns; 3];
        let mut i = 0;
        while i < tables.len() {
            tables[i] = match Format::of(blob[92 + i] as u32) {
                Ok(format) => format,
                Err(error) => return Err(error),
            };
            i += 1;
        }
        Ok(Header {
            length: u32_at(blob, 12) as usize,
            checksum: u32_at(blob, 16),
            shape,
            activation,
            flags,
            unknown: u32_at(blob, 56),
            cls: u32_at(blob, 60),
            sep: u32_at(blob, 64),
            pad: u32_at(blob, 68),
            mask: u32_at(blob, 72),
            max_input_chars_per_word: u32_at(blob, 76) as usize,
            vocabulary_len: u32_at(blob, 80) as usize,
            labels_len: u32_at(blob, 84) as usize,
            about_len: u32_at(blob, 88) as usize,
            tables,
        })
    }

    pub const fn flag(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

const fn within(n: usize, max: usize) -> bool {
    n >= 1 && n <= max
}

const fn possible(shape: &Shape) -> bool {
    let labelled = within(shape.labels, MAX_LABELS);
    let labels = match shape.head {
        HeadKind::SequenceClassification | HeadKind::TokenClassification => {
            labelled && shape.token_labels == 0
        }
        HeadKind::Embedding => shape.labels == 0 && shape.token_labels == 0,
        HeadKind::Joint => labelled && within(shape.token_labels, MAX_LABELS),
        // Question and context are two segments.
        HeadKind::Spans => shape.labels == 0 && shape.token_labels == 0 && shape.segments >= 2,
    };
    let tagged = matches!(shape.head, HeadKind::TokenClassification | HeadKind::Joint);
    within(shape.layers, 1 << 10)
        && (tagged || !shape.iob2)
        && within(shape.hidden, MAX_HIDDEN)
        && within(shape.heads, MAX_HIDDEN)
        && shape.hidden.is_multiple_of(shape.heads)
        && within(shape.intermediate, MAX_INTERMEDIATE)
        && within(shape.vocabulary, MAX_COUNT)
        && shape.rank <= shape.hidden
        && within(shape.positions, 1 << 16)
        && shape.positions >= MIN_POSITIONS
        && within(shape.segments, 1 << 8)
        && labels
}
