//! Token, position and segment embeddings, summed and normalized (section 3, figure 2).

use super::Pass;
use super::hidden::Hidden;
use crate::blob::{Embeddings, Linear, PAIR, Table, TableRow};
use crate::kernels::{Activations, InstructionSet, RowScale};
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
    let (norm, width) = (&embeddings.norm, pass.shape.hidden_blocks());
    for rows in pass.tiles(hidden.rows()) {
        let mut arena = arena.phase();
        let sums: &mut [i32] = arena.take(rows.len() * width)?;
        let words = tokens.get(rows.clone()).unwrap_or_default();
        match &embeddings.projection {
            None => {
                sums.fill(0);
                for (token, sums) in words.iter().zip(sums.chunks_exact_mut(width)) {
                    add(pass.set, &embeddings.word.row(token.id as usize), sums);
                }
            }
            Some(projection) => project(pass, &embeddings.word, projection, words, sums, arena)?,
        }
        for (position, sums) in rows.zip(sums.chunks_exact_mut(width)) {
            // All tables share one unit, so their sum is exact.
            let segment = usize::from(position >= segment_b);
            add(pass.set, &embeddings.position.row(position), sums);
            add(pass.set, &embeddings.segment.row(segment), sums);
            hidden.set(pass.set, position, norm, pass.shape.hidden, sums);
        }
    }
    Ok(())
}

/// Word embeddings of a low rank, projected to the hidden size: `[tokens x hidden]`.
fn project(
    pass: &Pass<'_>,
    table: &Table<'_>,
    projection: &Linear<'_>,
    tokens: &[Token],
    sums: &mut [i32],
    mut arena: Arena<'_>,
) -> Result<(), OutOfScratch> {
    let width = pass.shape.word_blocks();
    let rows: &mut [RowScale] = arena.take(tokens.len())?;
    let values: &mut [i8] = arena.take(tokens.len() * width)?;
    let lines = rows.iter_mut().zip(values.chunks_exact_mut(width));
    for (token, (scale, values)) in tokens.iter().zip(lines) {
        let row = table.row(token.id as usize);
        *scale = RowScale {
            scale: f32::from(row.multiplier),
            zero_point: 0,
        };
        values.fill(0);
        int8(pass.set, &row, |start, part| {
            let values = values.iter_mut().skip(start);
            values.zip(part).for_each(|(value, &part)| *value = part);
        });
    }
    let input = Activations {
        values,
        width,
        rows,
    };
    let columns = projection.weights.columns;
    pass.set.linear(&input, projection, 0, sums, columns);
    Ok(())
}

/// Adds a row of a table to `sums`.
fn add(set: InstructionSet, row: &TableRow<'_>, sums: &mut [i32]) {
    int8(set, row, |start, part| {
        let sums = sums.get_mut(start..).unwrap_or_default();
        let len = part.len().min(sums.len());
        if let (Some(part), Some(sums)) = (part.get(..len), sums.get_mut(..len)) {
            set.add_embedding(part, row.multiplier, sums);
        }
    });
}

/// Channels of an int4 row that are expanded at a time, on the stack.
const STRETCH: usize = 4 * PAIR;

/// Calls `each` with a row's numbers in int8, a stretch of channels at a time, the first by its
/// number. What is past the row's width in the last stretch is padding.
fn int8(set: InstructionSet, row: &TableRow<'_>, mut each: impl FnMut(usize, &[i8])) {
    if row.groups.is_empty() {
        each(0, row.values);
        return;
    }
    let mut stretch = Scratch::<STRETCH>::new();
    let expanded: &mut [i8] = bytemuck::cast_slice_mut(&mut stretch.0);
    let nibbles = row.values.chunks(STRETCH / 2);
    let groups = row.groups.chunks(STRETCH / PAIR);
    let starts = (0..).step_by(STRETCH);
    for (start, (nibbles, groups)) in starts.zip(nibbles.zip(groups)) {
        set.expand(nibbles, groups, expanded);
        each(start, expanded.get(..2 * nibbles.len()).unwrap_or_default());
    }
}
