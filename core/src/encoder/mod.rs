//! The bidirectional Transformer encoder (Devlin et al., arXiv 1810.04805, section 3).
//!
//! [`encode`] is the whole forward pass. Only the tokens of the text are computed, nothing is
//! padded, so a result does not depend on how long other texts are.

pub(crate) mod attention;
mod dense;
mod embeddings;
pub(crate) mod feed_forward;
mod hidden;
pub(crate) mod tiling;

pub use hidden::Hidden;
pub use tiling::{TILE, Tiling};

use crate::kernels::InstructionSet;
use crate::memory::{Arena, OutOfScratch};
use crate::model::Model;
use crate::shape::{Activation, Shape};
use crate::text::Token;
use crate::workers::{Divisible, Workers};
use attention::Context;
use core::ops::Range;

/// What all parts of one forward pass need to know.
pub struct Pass<'a> {
    pub set: InstructionSet,
    pub shape: &'a Shape,
    pub activation: Activation,
    pub tiling: Tiling,
    pub workers: Workers<'a>,
    /// Tokens of the text.
    pub tokens: usize,
}

impl Pass<'_> {
    /// Rows, a tile at a time.
    pub fn tiles(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        parts(rows, self.tiling.tile)
    }

    /// Rows, a row block at a time.
    pub fn row_blocks(&self, rows: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        parts(rows, self.tiling.row_block)
    }

    /// Distributes work of `len` independent parts over the workers.
    fn share<W: Divisible>(
        &self,
        work: W,
        len: usize,
        arena: Arena<'_>,
        each: impl Fn(W, Arena<'_>) -> Result<(), OutOfScratch> + Sync,
    ) -> Result<(), OutOfScratch> {
        let bytes = self.tiling.worker_bytes;
        self.workers.share(work, len, arena, bytes, &each)
    }
}

/// Rows, so many at a time.
fn parts(rows: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(most)
        .map(move |start| start..end.min(start + most))
}

/// Computes the last hidden states of `tokens` into `hidden`.
///
/// `segment_b` is where the second segment begins, `tokens.len()` if there is none. Where the
/// head reads `[CLS]` alone, the last layer computes no other state: the rest of `hidden` is
/// then that of the layer before.
pub fn encode(
    pass: &Pass<'_>,
    model: &Model<'_>,
    tokens: &[Token],
    segment_b: usize,
    hidden: &mut Hidden<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let embeddings = model.embeddings();
    let states = hidden.first_rows(pass.tokens);
    pass.share(states, pass.tokens, arena.phase(), |hidden, arena| {
        embeddings::embed(pass, embeddings, tokens, segment_b, hidden, arena)
    })?;

    let mut input_norm = embeddings.norm;
    for (index, layer) in model.layers().enumerate() {
        let last = index + 1 == pass.shape.layers;
        let rows = if last && pass.shape.only_cls() {
            1
        } else {
            pass.tokens
        };

        let mut arena = arena.phase();
        let kept = pass.tiling.kept_heads;
        let mut context = Context::take(&mut arena, pass.shape, 0..kept, 0..pass.tiling.tokens)?;
        let heads = context.whole();
        pass.share(heads, kept, arena.phase(), |heads, arena| {
            attention::attend(pass, &layer, hidden, rows, heads, arena)
        })?;
        let last = attention::last_head(pass, &layer, hidden, &mut arena)?;
        pass.share(hidden.first_rows(rows), rows, arena, |hidden, arena| {
            let (norm, last) = (&input_norm, last.as_ref());
            feed_forward::transform(pass, &layer, norm, &context, last, hidden, arena)
        })?;
        input_norm = layer.output_norm;
    }
    Ok(())
}
