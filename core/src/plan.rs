//! The plan of the scratch: all the memory a text needs, known before flashing.
//!
//! One buffer, owned by the caller, is laid out the same way for every text of a model; its
//! size follows from the shape and the number of tokens by `const` arithmetic, so a firmware
//! reserves it as a static and the linker proves that it fits:
//!
//! ```
//! use embert::{Header, Scratch, scratch_bytes};
//! # const BLOB: &[u8] = include_bytes!("../../tests/data/tiny.embert");
//! const SCRATCH: usize = match Header::read(BLOB) {
//!     Ok(header) => scratch_bytes(&header.shape, 64),
//!     Err(_) => panic!("not an embert blob"),
//! };
//! static BUFFER: Scratch<SCRATCH> = Scratch::new();
//! ```
//!
//! | region | bytes (S tokens, H hidden, A heads, D head size, I intermediate, T rows of a block, R of a tile) |
//! | --- | --- |
//! | tokens | 12 S |
//! | hidden states, 12 bits, and their scales | 1.5 S H + 8 S |
//! | attention context and its scales, of all heads but the last | S (H - D) + 4 S (A - 1) |
//! | keys and values of a head | 2 S D + 8 S + 4 D |
//! | context of the last head, for a row block | T (D + 4) |
//! | then the largest of: a row block of attention | T (5 D + 4) + 5 R S |
//! | the output of attention for a row block | T (5 H + 8) |
//! | intermediate states of the feed-forward network | T (2 I + 8) + 256 R + 32 |
//! | or its output | T (I + 4 H + 8) |
//!
//! A row block is a tile; with int4 weights it is two, so that weights are expanded half as often. They
//! are expanded in 16 H + 64 T bytes more of each of these four, and T H besides of the last one;
//! intermediate states have 4 KB to expand them in, or 16 H, and no more sums than fit.
//!
//! Widths are rounded up to blocks of 16, regions to [`SCRATCH_ALIGNMENT`](crate::memory::SCRATCH_ALIGNMENT). The results of the
//! model's head lie over the context once the encoder is done.
//!
//! Where memory does not count, among several workers or with 16 rows and more in a tile, the
//! context has all heads. Workers then have tiles of their own, and keys and values, which need
//! not outlive attention and share their memory with the feed-forward network. Hosts take
//! several heads and more channels at a time too.

use crate::encoder::attention::{self, Cache, Context};
use crate::encoder::tiling::{head_group, kept_heads, row_block};
use crate::encoder::{Hidden, TILE, Tiling, feed_forward};
use crate::heads;
use crate::memory::{max, region, sum};
use crate::shape::Shape;
use crate::text::Token;

/// The size of the scratch, in bytes, for texts of up to `tokens` tokens.
pub const fn scratch_bytes(shape: &Shape, tokens: usize) -> usize {
    Plan::new(shape, tokens, TILE, 1).bytes()
}

/// How a scratch is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Most tokens of a text.
    pub tokens: usize,
    /// Rows of a register tile.
    pub tile: usize,
    /// Rows of a block: a tile, or two with int4 weights.
    pub row_block: usize,
    /// Workers that share the work.
    pub workers: usize,
    /// Heads whose context is kept for all tokens: all, or all but the last.
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
    /// A row block of attention, for each worker.
    pub attention: usize,
    /// The context of a row block, of the heads that are not kept.
    pub last_context: usize,
    /// A row block of the feed-forward network, for each worker.
    pub feed_forward: usize,
    /// The results of the head; they overlap the context.
    pub head: usize,
}

impl Plan {
    /// The plan for texts of up to `tokens` tokens, `tile` rows at a time by each of `workers`.
    pub const fn new(shape: &Shape, tokens: usize, tile: usize, workers: usize) -> Self {
        let kept_heads = kept_heads(shape, tile, workers);
        let last_heads = shape.heads - kept_heads;
        let row_block = row_block(shape, tile);
        Plan {
            tokens,
            tile,
            row_block,
            workers,
            kept_heads,
            regions: Regions {
                tokens: region::<Token>(1, tokens),
                hidden: Hidden::bytes(tokens, shape.hidden_blocks()),
                context: Context::bytes(shape, kept_heads, tokens),
                cache: Cache::bytes(shape, head_group(shape, tile), tokens),
                attention: attention::row_block_bytes(shape, tile, tokens),
                last_context: match last_heads {
                    0 => 0,
                    heads => Context::bytes(shape, heads, row_block),
                },
                feed_forward: feed_forward::bytes(shape, tile),
                head: heads::bytes(shape, tokens),
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
        match r.last_context {
            0 => max(sum([r.cache, r.attention]), r.feed_forward),
            last => sum([r.cache, last, max(r.attention, r.feed_forward)]),
        }
    }

    /// The block sizes for the encoder.
    pub(crate) const fn tiling(&self) -> Tiling {
        Tiling {
            tokens: self.tokens,
            tile: self.tile,
            row_block: self.row_block,
            kept_heads: self.kept_heads,
            worker_bytes: self.worker_bytes(),
        }
    }

    /// Bytes of each region.
    pub const fn regions(&self) -> &Regions {
        &self.regions
    }
}
