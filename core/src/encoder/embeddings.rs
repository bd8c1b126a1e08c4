//! Token, position and segment embeddings, summed and normalized (section 3, figure 2).

use super::Pass;
use super::hidden::Hidden;
use crate::blob::Embeddings;
use crate::memory::{Arena, OutOfScratch};
use crate::text::Token;

/// Computes the states of `tokens` that are in `hidden`.
pub fn embed(
    pass: &Pass<'_>,
    embeddings: &Embeddings<'_>,
    tokens: &[Token],
    segment_b: usize,
    mut hidden: Hidden<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let norm = &embeddings.norm;
    let sums: &mut [i32] = arena.take(norm.gains.len())?;
    let rows = hidden.rows();
    for (position, token) in tokens.iter().enumerate().take(rows.end).skip(rows.start) {
        sums.fill(0);
        // All tables share one unit, so their sum is exact.
        let segment = usize::from(position >= segment_b);
        for (table, index) in [
            (&embeddings.word, token.id as usize),
            (&embeddings.position, position),
            (&embeddings.segment, segment),
        ] {
            let (row, multiplier) = table.row(index);
            pass.set.add_embedding(row, multiplier, sums);
        }
        hidden.set(pass.set, position, norm, pass.shape.hidden, sums);
    }
    Ok(())
}
