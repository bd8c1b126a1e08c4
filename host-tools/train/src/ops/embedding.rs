//! Rows of tables.

use super::vectorized;
use rayon::prelude::*;

/// Writes or adds row `index` of the table for each of `indices` to the rows of `out`.
pub fn gather(table: &[f32], width: usize, indices: &[u32], out: &mut [f32], add: bool) {
    let rows = out.par_chunks_exact_mut(width).zip(indices);
    rows.for_each(|(out, &index)| {
        let row = &table[index as usize * width..][..width];
        match add {
            false => out.copy_from_slice(row),
            true => vectorized(|| out.iter_mut().zip(row).for_each(|(out, v)| *out += v)),
        }
    });
}

/// Adds each row of `rows` to row `index` of the table, in their order.
pub fn scatter(rows: &[f32], width: usize, indices: &[u32], table: &mut [f32]) {
    vectorized(|| {
        for (row, &index) in rows.chunks_exact(width).zip(indices) {
            let out = &mut table[index as usize * width..][..width];
            out.iter_mut().zip(row).for_each(|(out, v)| *out += v);
        }
    });
}
