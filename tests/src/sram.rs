//! Limits of SRAM, scratch and stack together, that the plans and the firmware are held to.

use embert::{HeadKind, Pooling, Shape};

/// Bytes of [`LIMITS`] that the plans leave to the stack.
pub const STACK: usize = 5888;

/// Shapes and their limits.
pub const LIMITS: [Limit; 4] = [
    Limit::new(2, 128, 2, 128, [66, 72]),
    Limit::new(2, 128, 2, 512, [240, 240]),
    Limit::new(4, 256, 4, 512, [400, 402]),
    Limit::new(6, 384, 12, 128, [168, 173]),
];

pub const HEADS: [HeadKind; 2] = [
    HeadKind::SequenceClassification,
    HeadKind::TokenClassification,
];

/// The SRAM limit of one shape at one text length.
pub struct Limit {
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub tokens: usize,
    /// KiB for int8 and for int4 weights.
    pub kib: [usize; 2],
}

impl Limit {
    const fn new(
        layers: usize,
        hidden: usize,
        heads: usize,
        tokens: usize,
        kib: [usize; 2],
    ) -> Self {
        Self {
            layers,
            hidden,
            heads,
            tokens,
            kib,
        }
    }

    /// Bytes.
    pub fn bytes(&self, has_int4: bool) -> usize {
        self.kib[usize::from(has_int4)] * 1024
    }

    pub fn shape(&self, head: HeadKind) -> Shape {
        Shape {
            layers: self.layers,
            hidden: self.hidden,
            heads: self.heads,
            intermediate: 4 * self.hidden,
            vocabulary: 100,
            rank: 0,
            token_labels: 0,
            iob2: false,
            positions: 512,
            segments: 2,
            labels: 9,
            head,
            pooling: Pooling::Cls,
            has_int4: false,
            has_pooler: head == HeadKind::SequenceClassification,
        }
    }
}
