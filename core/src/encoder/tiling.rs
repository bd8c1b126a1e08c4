//! Block sizes: rows, channels and heads that are computed together.

use crate::shape::{BLOCK, Shape};

/// Rows of a register tile on microcontrollers.
pub const TILE: usize = 4;

/// Rows of a block: they go through a part of a layer together, so that its int4 weights are expanded
/// once for all of them.
///
/// On microcontrollers a block has two tiles: the memory of a single tile is not needed twice.
pub(crate) const fn row_block(shape: &Shape, tile: usize) -> usize {
    match (shape.has_int4, tile) {
        (true, 0..16) => 2 * tile,
        _ => tile,
    }
}

/// Most channels computed together with a tile of `tile` rows.
///
/// A small tile means little memory: then as few channels as the kernels need.
const fn col_block(tile: usize) -> usize {
    match tile {
        0..16 => 64,
        _ => 256,
    }
}

/// Intermediate channels of the feed-forward network computed together. int4 weights of as many are
/// expanded at a time, to 4 KB on microcontrollers.
pub(crate) const fn ffn_block(shape: &Shape, tile: usize) -> usize {
    let columns = match (shape.has_int4, tile) {
        (false, _) => return col_block(tile),
        (true, 0..16) => 4096 / shape.hidden_blocks() / BLOCK * BLOCK,
        (true, _) => 64,
    };
    match columns {
        0..BLOCK => BLOCK,
        BLOCK..64 => columns,
        _ => 64,
    }
}

/// Attention heads computed together: as many as a column block is wide.
pub(crate) const fn head_group(shape: &Shape, tile: usize) -> usize {
    match (tile, col_block(tile) / shape.head_blocks()) {
        (0..16, _) | (_, 0) => 1,
        (_, heads) if heads > shape.heads => shape.heads,
        (_, heads) => heads,
    }
}

/// Heads whose context is kept for all tokens until the output of attention is computed.
///
/// On microcontrollers, all but the last. The last head's keys and values are still in memory when the
/// other heads are done, so the feed-forward network computes its context for one block of tokens at a
/// time, and overwrites their hidden states at once: no other token needs them any more.
pub(crate) const fn kept_heads(shape: &Shape, tile: usize, workers: usize) -> usize {
    match (tile, workers) {
        (0..16, 0..=1) => shape.heads.saturating_sub(1),
        _ => shape.heads,
    }
}

/// Block sizes of one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Tokens that the scratch has room for.
    pub tokens: usize,
    /// Rows of a register tile.
    pub tile: usize,
    /// Rows of a block: see [`row_block`].
    pub row_block: usize,
    /// Heads whose context is kept: see [`kept_heads`].
    pub kept_heads: usize,
    /// Bytes of scratch of each worker.
    pub worker_bytes: usize,
}

const _: () = assert!(col_block(1).is_multiple_of(BLOCK) && col_block(16).is_multiple_of(BLOCK));
