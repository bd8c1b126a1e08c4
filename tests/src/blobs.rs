//! Tiny blobs, one of each kind of head. Tests read the committed ones; `tiny_blobs` holds them to
//! what the quantizer makes.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use embert::blob::{CHECKSUM_FROM, Crc32, flags};

use crate::tiny::{self, Tiny};

/// A committed blob: the checkpoint it is made from, and its bytes.
pub struct Committed {
    pub file: &'static str,
    pub tiny: Tiny,
    pub bytes: &'static [u8],
}

/// Token classification with BIO labels, as small as can be: what is tried byte by byte.
pub const TOKENS: Committed = Committed {
    file: "tiny.embert",
    tiny: Tiny {
        layers: 1,
        hidden: 14,
        heads: 2,
        intermediate: 20,
        positions: 19,
        ..tiny::TOKEN
    },
    bytes: include_bytes!("../data/tiny.embert"),
};

/// Sequence classification; two layers, of which the last one computes `[CLS]` alone.
pub const SEQUENCE: Committed = Committed {
    file: "tiny_sequence.embert",
    tiny: tiny::SEQUENCE,
    bytes: include_bytes!("../data/tiny_sequence.embert"),
};

/// The mean of the hidden states.
pub const MEAN: Committed = Committed {
    file: "tiny_mean.embert",
    tiny: tiny::EMBEDDING,
    bytes: include_bytes!("../data/tiny_mean.embert"),
};

/// The pooler's output.
pub const POOLER: Committed = Committed {
    file: "tiny_pooler.embert",
    tiny: Tiny {
        hidden: 24,
        heads: 3,
        intermediate: 40,
        positions: 40,
        activation: "gelu",
        ..tiny::EMBEDDING
    },
    bytes: include_bytes!("../data/tiny_pooler.embert"),
};

/// The same shape, all int4 that can be; a row of a table has one group and half a pair.
pub const INT4: Committed = Committed {
    file: "tiny_int4.embert",
    tiny: TOKENS.tiny,
    bytes: include_bytes!("../data/tiny_int4.embert"),
};

/// Sequence classification with word embeddings of rank 17, in int4.
pub const LOW_RANK: Committed = Committed {
    file: "tiny_low_rank.embert",
    tiny: tiny::SEQUENCE,
    bytes: include_bytes!("../data/tiny_low_rank.embert"),
};

/// Intents and slots.
pub const JOINT: Committed = Committed {
    file: "tiny_joint.embert",
    tiny: tiny::JOINT,
    bytes: include_bytes!("../data/tiny_joint.embert"),
};

/// Answers to questions.
pub const SPANS: Committed = Committed {
    file: "tiny_spans.embert",
    tiny: tiny::SPANS,
    bytes: include_bytes!("../data/tiny_spans.embert"),
};

pub const COMMITTED: [&Committed; 8] = [
    &TOKENS, &SEQUENCE, &MEAN, &POOLER, &INT4, &LOW_RANK, &JOINT, &SPANS,
];

/// A file of `tests/data`.
pub fn path(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data")).join(file)
}

/// Whether to write the committed files anew instead of comparing with them.
pub fn update() -> bool {
    std::env::var_os("EMBERT_UPDATE").is_some()
}

/// Every head and flavour by name. Multi-label and `[CLS]` embeddings differ from committed blobs
/// in the header alone.
pub fn flavours() -> Vec<(&'static str, Aligned)> {
    let patched = |committed: &Committed, at: usize, value: u8| {
        let mut blob = Aligned::copy(committed.bytes);
        blob[at] = value;
        sign(&mut blob);
        blob
    };
    let sequence_flags = SEQUENCE.bytes[23];
    vec![
        ("tokens", Aligned::copy(TOKENS.bytes)),
        ("sequence", Aligned::copy(SEQUENCE.bytes)),
        (
            "multi-label",
            patched(&SEQUENCE, 23, sequence_flags | flags::MULTI_LABEL),
        ),
        ("mean", Aligned::copy(MEAN.bytes)),
        ("cls", patched(&MEAN, 22, 1)),
        ("pooler", Aligned::copy(POOLER.bytes)),
        ("int4", Aligned::copy(INT4.bytes)),
        ("low rank", Aligned::copy(LOW_RANK.bytes)),
        ("joint", Aligned::copy(JOINT.bytes)),
        ("spans", Aligned::copy(SPANS.bytes)),
    ]
}

/// Sets length and checksum to what the bytes are.
pub fn sign(blob: &mut [u8]) {
    let length = blob.len() as u32;
    blob[12..16].copy_from_slice(&length.to_le_bytes());
    let mut crc = Crc32::new();
    crc.update(&blob[CHECKSUM_FROM..]);
    blob[16..CHECKSUM_FROM].copy_from_slice(&crc.finish().to_le_bytes());
}

/// Bytes that start at a multiple of 16, as blobs and scratches must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aligned {
    words: Vec<u128>,
    len: usize,
}

impl Aligned {
    pub fn filled(len: usize, byte: u8) -> Self {
        Aligned {
            words: vec![u128::from_ne_bytes([byte; 16]); len.div_ceil(16)],
            len,
        }
    }

    pub fn copy(bytes: &[u8]) -> Self {
        let mut aligned = Self::filled(bytes.len(), 0);
        aligned.copy_from_slice(bytes);
        aligned
    }
}

impl Deref for Aligned {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len]
    }
}
