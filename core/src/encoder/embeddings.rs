//! Token, position and segment embeddings, summed and normalized (section 3, figure 2).

use super::Pass;
use super::hidden::Hidden;
use crate::blob::{Embeddings, PAIR, TableRow};
use crate::kernels::InstructionSet;
use crate::memory::{Arena, OutOfScratch, Scratch};
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
            add(pass.set, &table.row(index), sums);
        }
        hidden.set(pass.set, position, norm, pass.shape.hidden, sums);
    }
    Ok(())
}

/// Channels of an int4 row that are expanded at a time, on the stack.
const STRETCH: usize = 4 * PAIR;

/// Adds a row of a table to `sums`.
fn add(set: InstructionSet, row: &TableRow<'_>, sums: &mut [i32]) {
    if row.groups.is_empty() {
        set.add_embedding(row.values, row.multiplier, sums);
        return;
    }
    let mut stretch = Scratch::<STRETCH>::new();
    let expanded: &mut [i8] = bytemuck::cast_slice_mut(&mut stretch.0);
    let nibbles = row.values.chunks(STRETCH / 2);
    let groups = row.groups.chunks(STRETCH / PAIR);
    for ((nibbles, groups), sums) in nibbles.zip(groups).zip(sums.chunks_mut(STRETCH)) {
        set.expand(nibbles, groups, expanded);
        let values = expanded.get(..sums.len()).unwrap_or_default();
        set.add_embedding(values, row.multiplier, sums);
    }
}
