//! Token, position and segment embeddings, summed and normalized (section 3, figure 2).

use super::Pass;
use super::hidden::Hidden;
use crate::blob::{Embeddings, Table};
use crate::memory::{Arena, OutOfScratch};
use crate::text::Token;

pub fn embed(
    pass: &Pass<'_>,
    embeddings: &Embeddings<'_>,
    tokens: &[Token],
    segment_b: usize,
    hidden: &mut Hidden<'_>,
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let norm = &embeddings.norm;
    let sums: &mut [i32] = arena.take(norm.gains.len())?;
    for (position, token) in tokens.iter().enumerate() {
        sums.fill(0);
        add_row(&embeddings.word, token.id as usize, sums);
        add_row(&embeddings.position, position, sums);
        add_row(
            &embeddings.segment,
            usize::from(position >= segment_b),
            sums,
        );
        hidden.set(pass.set, position, norm, pass.shape.hidden, sums);
    }
    Ok(())
}

/// Adds row `index` of a table; all tables share one unit, so their sum is exact.
fn add_row(table: &Table<'_>, index: usize, sums: &mut [i32]) {
    let (row, multiplier) = table.row(index);
    for (sum, &weight) in sums.iter_mut().zip(row) {
        *sum += weight as i32 * multiplier as i32;
    }
}
