//! The scratch: all the memory a text needs, planned before it is read.
//!
//! One buffer, owned by the caller, is laid out the same way for every text of a model; its
//! size follows from the shape and the number of tokens by `const` arithmetic, so a firmware
//! reserves it as a static and the linker proves that it fits:
//!
//! ```
//! use embert::{Header, Scratch, scratch_bytes};
//! # const BLOB: &[u8] = include_bytes!("../../../tests/data/tiny.embert");
//! const SCRATCH: usize = match Header::read(BLOB) {
//!     Ok(header) => scratch_bytes(&header.shape, 64),
//!     Err(_) => panic!("not an embert blob"),
//! };
//! static BUFFER: Scratch<SCRATCH> = Scratch::new();
//! ```
//!
//! | region | bytes (S tokens, H hidden, A heads, D head size, I intermediate, T rows of a strip, R of a tile) |
//! | --- | --- |
//! | tokens | 12 S |
//! | hidden states, 12 bits, and their scales | 1.5 S H + 8 S |
//! | attention context and its scales, of all heads but the last | S (H - D) + 4 S (A - 1) |
//! | keys and values of a head | 2 S D + 8 S + 4 D |
//! | context of the last head, for a strip | T (D + 4) |
//! | then the largest of: a strip of attention | T (5 D + 4) + 5 R S |
//! | the output of attention for a strip | T (5 H + 8) |
//! | intermediate states of the feed-forward network | T (2 I + 8) + 256 R + 32 |
//! | or its output | T (I + 4 H + 8) |
//!
//! A strip is a tile; with int4 weights it is two, so that weights are expanded half as often. They
//! are expanded in 16 H + 64 T bytes more of each of these four, and T H besides of the last one;
//! intermediate states have 4 KB to expand them in, or 16 H, and no more sums than fit.
//!
//! Widths are rounded up to blocks of 16, regions to [`SCRATCH_ALIGNMENT`]. The results of the
//! model's head lie over the context once the encoder is done.
//!
//! Where memory does not count, among several workers or with 16 rows and more in a tile, the
//! context has all heads. Workers then have tiles of their own, and keys and values, which need
//! not outlive attention and share their memory with the feed-forward network. Hosts take
//! several heads and more channels at a time too.

mod arena;

pub use arena::{Arena, OutOfScratch};

use crate::heads::step_bytes;
use crate::shape::{BLOCK, HeadKind, Pooling, Shape, blocks};
use crate::text::Token;
use bytemuck::{Pod, Zeroable};

/// Rows computed together where memory counts.
pub const TILE: usize = 4;

/// Rows that go through a part of a layer together, so that its int4 weights are expanded once for
/// all of them.
///
/// Where memory counts, two tiles: what a tile needs for itself alone is not needed twice.
const fn strip(shape: &Shape, tile: usize) -> usize {
    match (shape.has_int4, tile) {
        (true, 0..16) => 2 * tile,
        _ => tile,
    }
}

/// The widest stretch of channels computed together, where `tile` rows are.
///
/// Where memory counts, as few as serve the kernels: many rows together mean that it does not.
const fn stretch(tile: usize) -> usize {
    match tile {
        0..16 => 64,
        _ => 256,
    }
}

/// Intermediate channels computed together: int4 weights of as many are expanded at a time, to
/// 4 KB where memory counts.
pub const fn chunk(shape: &Shape, tile: usize) -> usize {
    let columns = match (shape.has_int4, tile) {
        (false, _) => return stretch(tile),
        (true, 0..16) => 4096 / shape.hidden_blocks() / BLOCK * BLOCK,
        (true, _) => 64,
    };
    match columns {
        0..BLOCK => BLOCK,
        BLOCK..64 => columns,
        _ => 64,
    }
}

/// Heads of attention computed together: as many as are a stretch of channels wide.
pub const fn group(shape: &Shape, tile: usize) -> usize {
    match (tile, stretch(tile) / shape.head_blocks()) {
        (0..16, _) | (_, 0) => 1,
        (_, heads) if heads > shape.heads => shape.heads,
        (_, heads) => heads,
    }
}

/// Heads whose context is kept for all tokens from attention to what follows it.
///
/// Where memory counts, all but the last. That one's keys and values are still there when the
/// others are done, so what follows can draw its context when it comes to a tile of tokens, and
/// overwrite their states at once: no other token needs them any more.
const fn kept_heads(shape: &Shape, tile: usize, workers: usize) -> usize {
    match (tile, workers) {
        (0..16, 0..=1) => shape.heads.saturating_sub(1),
        _ => shape.heads,
    }
}

/// Alignment of the scratch, bytes.
pub const SCRATCH_ALIGNMENT: usize = 16;

/// The size of the scratch, in bytes, for texts of up to `tokens` tokens.
pub const fn scratch_bytes(shape: &Shape, tokens: usize) -> usize {
    Plan::new(shape, tokens, TILE, 1).bytes()
}

/// A scratch for statics and stacks: zeros, aligned.
#[derive(Clone, Debug)]
#[repr(C, align(16))]
pub struct Scratch<const BYTES: usize>(pub [u8; BYTES]);

impl<const BYTES: usize> Scratch<BYTES> {
    pub const fn new() -> Self {
        Scratch([0; BYTES])
    }
}

impl<const BYTES: usize> Default for Scratch<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

/// Label and probability of one token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct TokenLabel {
    pub label: u32,
    pub score: f32,
}

/// How a scratch is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub tokens: usize,
    /// Rows computed together.
    pub tile: usize,
    /// Rows that go through a part of a layer together: a tile, or two with int4 weights.
    pub strip: usize,
    pub workers: usize,
    /// Heads whose context is kept for all tokens: the first so many, all or all but the last.
    pub kept_heads: usize,
    regions: Regions,
}

/// Bytes of the regions of a scratch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Regions {
    /// Tokens with their places in the text.
    pub tokens: usize,
    /// Hidden states with their scales.
    pub hidden: usize,
    /// Attention context with its scales, of the heads that are kept.
    pub context: usize,
    /// Keys and values of a group of heads, for each worker.
    pub cache: usize,
    /// A strip of attention, for each worker.
    pub attention: usize,
    /// A strip's context, of the heads that are not kept.
    pub strip_context: usize,
    /// A strip of the feed-forward network, for each worker.
    pub feed_forward: usize,
    /// What the head computes, over context and strips.
    pub head: usize,
}

/// Bytes of `rows * width` elements, as [`Arena::take`] takes them.
///
/// Saturates: what no memory holds must not look small, on 32-bit machines least of all.
const fn region<T>(rows: usize, width: usize) -> usize {
    let bytes = rows.saturating_mul(width).saturating_mul(size_of::<T>());
    bytes
        .div_ceil(SCRATCH_ALIGNMENT)
        .saturating_mul(SCRATCH_ALIGNMENT)
}

const fn sum<const N: usize>(regions: [usize; N]) -> usize {
    let (mut sum, mut i) = (0usize, 0);
    while i < N {
        sum = sum.saturating_add(regions[i]);
        i += 1;
    }
    sum
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// What the head takes over context and strips.
const fn head_region(shape: &Shape, tokens: usize) -> usize {
    let hidden = shape.hidden_blocks();
    let (texts, tags) = (shape.text_outputs(), shape.token_outputs());
    let pooled = if shape.has_pooler {
        sum([region::<i32>(1, hidden), region::<i16>(1, hidden)])
    } else {
        0
    };
    // Results stay, the rest of one classifier's memory is the next one's.
    let classified = region::<f32>(1, texts);
    let classifying = sum([
        region::<i8>(1, hidden),
        max(pooled, region::<i32>(1, blocks(texts))),
    ]);
    let labelling = sum([
        region::<TokenLabel>(1, tokens),
        region::<i32>(1, blocks(tags)),
        region::<f32>(1, tags),
        if shape.iob2 {
            sum([
                region::<u8>(1, tags),
                region::<f32>(1, tags),
                region::<u8>(tokens, step_bytes(tags)),
            ])
        } else {
            0
        },
    ]);
    match (shape.head, shape.pooling) {
        (HeadKind::SequenceClassification, _) => sum([classified, classifying]),
        (HeadKind::TokenClassification, _) => labelling,
        (HeadKind::Joint, _) => sum([classified, max(classifying, labelling)]),
        (HeadKind::Spans, _) => region::<i32>(1, blocks(tags)),
        (HeadKind::Embedding, Pooling::Pooler) => sum([region::<f32>(1, shape.hidden), pooled]),
        (HeadKind::Embedding, Pooling::Mean | Pooling::Cls) => {
            sum([region::<f32>(1, shape.hidden), region::<i32>(1, hidden)])
        }
    }
}

/// What is needed to expand int4 weights of `depth` inputs for `strip` rows: of 16 columns at a
/// time where memory counts, else of 64.
const fn expansion(shape: &Shape, tile: usize, depth: usize) -> usize {
    let columns = match (shape.has_int4, tile) {
        (false, _) => return 0,
        (true, 0..16) => BLOCK,
        (true, _) => 4 * BLOCK,
    };
    sum([
        region::<i8>(columns, depth),
        region::<i32>(strip(shape, tile), columns),
    ])
}

/// The largest phase of the feed-forward network: the output of attention, the intermediate states
/// while they are computed, or the output.
const fn feed_forward_region(shape: &Shape, tile: usize) -> usize {
    let (hidden, inner) = (shape.hidden_blocks(), shape.intermediate_blocks());
    let (context, strip) = (shape.attention_blocks(), strip(shape, tile));
    let (scales, sums) = (region::<[u32; 2]>(1, strip), region::<i32>(strip, hidden));
    // Where memory counts, so many weights at a time too, with their inputs.
    let slab = sum([expansion(shape, tile, hidden), region::<i8>(strip, hidden)]);
    let attention_output = sum([
        scales,
        region::<i8>(strip, context),
        sums,
        expansion(shape, tile, context),
    ]);
    let chunk = chunk(shape, tile);
    let intermediate = sum([
        scales,
        region::<i16>(1, strip.saturating_mul(inner).saturating_add(BLOCK)),
        region::<i32>(tile, chunk),
        if shape.has_int4 {
            region::<i8>(chunk, hidden)
        } else {
            0
        },
    ]);
    let output = sum([
        scales,
        region::<i8>(strip, inner),
        sums,
        match (shape.has_int4, tile) {
            (false, _) => 0,
            (true, 0..16) => slab,
            (true, _) => expansion(shape, tile, inner),
        },
    ]);
    max(attention_output, max(intermediate, output))
}

impl Plan {
    /// The plan for texts of up to `tokens` tokens, `tile` rows at a time by each of `workers`.
    pub const fn new(shape: &Shape, tokens: usize, tile: usize, workers: usize) -> Self {
        let hidden = shape.hidden_blocks();
        let keys = blocks(tokens);
        let head = shape.head_blocks();
        let heads = group(shape, tile);
        let kept_heads = kept_heads(shape, tile, workers);
        let last_heads = shape.heads - kept_heads;
        let strip = strip(shape, tile);
        Plan {
            tokens,
            tile,
            strip,
            workers,
            kept_heads,
            regions: Regions {
                tokens: region::<Token>(1, tokens),
                hidden: sum([
                    region::<i8>(tokens, hidden),
                    region::<u8>(tokens, hidden / 2),
                    region::<[u32; 2]>(1, tokens),
                ]),
                context: sum([
                    region::<i8>(tokens, kept_heads.saturating_mul(head)),
                    region::<f32>(tokens, kept_heads),
                ]),
                cache: sum([
                    region::<i8>(keys, heads.saturating_mul(head)),
                    region::<i8>(keys, heads.saturating_mul(head)),
                    region::<f32>(heads, keys),
                    region::<f32>(heads, keys),
                    region::<i32>(heads, head),
                    region::<[f32; 2]>(1, heads),
                ]),
                attention: sum([
                    expansion(shape, tile, hidden),
                    region::<i32>(strip, heads.saturating_mul(head)),
                    region::<i8>(strip, heads.saturating_mul(head)),
                    region::<f32>(strip, heads),
                    region::<i32>(tile, keys),
                    region::<i8>(tile, keys),
                ]),
                strip_context: sum([
                    region::<i8>(strip, last_heads.saturating_mul(head)),
                    region::<f32>(strip, last_heads),
                ]),
                feed_forward: feed_forward_region(shape, tile),
                head: head_region(shape, tokens),
            },
        }
    }

    /// The largest plan that fits `bytes`, at most as many tokens as the model has positions;
    /// `None` where not even `[CLS]`, one piece and `[SEP]` fit.
    pub fn largest(shape: &Shape, bytes: usize, tile: usize, workers: usize) -> Option<Self> {
        let (mut fits, mut over) = (2, shape.positions.saturating_add(1));
        while fits + 1 < over {
            let middle = fits + (over - fits) / 2;
            if Plan::new(shape, middle, tile, workers).bytes() <= bytes {
                fits = middle;
            } else {
                over = middle;
            }
        }
        (fits > 2).then(|| Plan::new(shape, fits, tile, workers))
    }

    /// Size of the scratch, bytes.
    pub const fn bytes(&self) -> usize {
        let r = &self.regions;
        let tiles = self.worker_bytes().saturating_mul(self.workers);
        let encoder = sum([r.context, tiles]);
        sum([r.tokens, r.hidden, max(encoder, r.head)])
    }

    /// What each worker has for itself, bytes.
    pub const fn worker_bytes(&self) -> usize {
        let r = &self.regions;
        match r.strip_context {
            0 => max(sum([r.cache, r.attention]), r.feed_forward),
            last => sum([r.cache, last, max(r.attention, r.feed_forward)]),
        }
    }

    pub const fn regions(&self) -> &Regions {
        &self.regions
    }
}

const _: () = assert!(stretch(1).is_multiple_of(BLOCK) && stretch(16).is_multiple_of(BLOCK));
