//! Sums of rows.

use super::{CHUNK, vectorized};
use rayon::prelude::*;

/// `a += b`.
pub fn add(a: &mut [f32], b: &[f32]) {
    let pairs = a.par_chunks_mut(CHUNK).zip(b.par_chunks(CHUNK));
    pairs.for_each(|(a, b)| {
        vectorized(|| a.iter_mut().zip(b).for_each(|(a, b)| *a += b));
    });
}

/// Columns of a stripe that one thread sums.
const STRIPE: usize = 64;

/// Adds all rows of `rows`, of `sums.len()` each, to `sums`.
pub fn sum_rows(rows: &[f32], sums: &mut [f32]) {
    let width = sums.len();
    let stripes = sums.par_chunks_mut(STRIPE).enumerate();
    stripes.for_each(|(index, sums)| {
        let first = index * STRIPE;
        vectorized(|| {
            for row in rows.chunks_exact(width) {
                let row = &row[first..first + sums.len()];
                sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
            }
        });
    });
}

/// Partial sums, which compilers keep in vectors.
const LANES: usize = 16;

/// The sum of a row.
#[inline(always)]
pub fn sum(row: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, v)| *sum += v);
    }
    sums.iter().sum::<f32>() + rest
}

/// The sum of the products of two rows.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a
        .remainder()
        .iter()
        .zip(b.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a.zip(b) {
        for i in 0..LANES {
            sums[i] += a[i] * b[i];
        }
    }
    sums.iter().sum::<f32>() + rest
}
