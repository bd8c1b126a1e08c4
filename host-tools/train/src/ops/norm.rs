//! LayerNorm (Ba et al., arXiv 1607.06450).

use super::rows::{dot, sum};
use super::{CHUNK, sum_rows, vectorized};
use rayon::prelude::*;

/// What the backward pass of a LayerNorm needs.
#[derive(Clone, Debug, Default)]
pub struct Normalized {
    /// Before gamma and beta.
    pub values: Vec<f32>,
    /// One over the standard deviation of each row.
    pub inverse: Vec<f32>,
}

/// Rows that one thread takes.
fn rows_of(width: usize) -> usize {
    CHUNK.div_ceil(width)
}

/// `rows = gamma * (rows - mean) / deviation + beta`.
pub fn layer_norm(
    rows: &mut [f32],
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
    kept: &mut Normalized,
) {
    let width = gamma.len();
    kept.values.resize(rows.len(), 0.0);
    kept.inverse.resize(rows.len() / width, 0.0);
    let many = rows_of(width);
    rows.par_chunks_mut(many * width)
        .zip(kept.values.par_chunks_mut(many * width))
        .zip(kept.inverse.par_chunks_mut(many))
        .for_each(|((rows, values), inverse)| {
            let lines = rows
                .chunks_exact_mut(width)
                .zip(values.chunks_exact_mut(width));
            for ((row, values), inverse) in lines.zip(inverse) {
                vectorized(
                    #[inline(always)]
                    || *inverse = normalize(row, values, gamma, beta, epsilon),
                );
            }
        });
}

/// Turns the gradient of the output into that of the input, and adds those of gamma and beta.
pub fn layer_norm_backward(
    gradient: &mut [f32],
    gamma: &[f32],
    kept: &Normalized,
    dgamma: &mut [f32],
    dbeta: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let width = gamma.len();
    sum_rows(gradient, dbeta);
    scratch.resize(gradient.len(), 0.0);
    let many = rows_of(width);
    gradient
        .par_chunks_mut(many * width)
        .zip(kept.values.par_chunks(many * width))
        .zip(kept.inverse.par_chunks(many))
        .zip(scratch.par_chunks_mut(many * width))
        .for_each(|(((gradient, values), inverse), products)| {
            let lines = gradient
                .chunks_exact_mut(width)
                .zip(values.chunks_exact(width))
                .zip(products.chunks_exact_mut(width));
            for (((row, values), products), &inverse) in lines.zip(inverse) {
                vectorized(
                    #[inline(always)]
                    || normalize_backward(row, values, products, gamma, inverse),
                );
            }
        });
    sum_rows(scratch, dgamma);
}

/// Normalizes a row; one over its deviation.
#[inline(always)]
fn normalize(
    row: &mut [f32],
    values: &mut [f32],
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
) -> f32 {
    let width = row.len() as f32;
    let mean = sum(row) / width;
    for (v, x) in values.iter_mut().zip(&*row) {
        *v = x - mean;
    }
    let variance = dot(values, values) / width;
    let inverse = 1.0 / (variance + epsilon).sqrt();
    let scales = gamma.iter().zip(beta);
    for ((x, v), (gamma, beta)) in row.iter_mut().zip(values).zip(scales) {
        *v *= inverse;
        *x = *v * gamma + beta;
    }
    inverse
}

/// The gradient of a row, and its products with the normalized numbers, for that of gamma.
#[inline(always)]
fn normalize_backward(
    row: &mut [f32],
    values: &[f32],
    products: &mut [f32],
    gamma: &[f32],
    inverse: f32,
) {
    let width = row.len() as f32;
    let numbers = values.iter().zip(gamma);
    for ((p, g), (v, gamma)) in products.iter_mut().zip(&mut *row).zip(numbers) {
        *p = *g * v;
        *g *= gamma;
    }
    let mean = sum(row) / width;
    let along = dot(row, values) / width;
    for (g, v) in row.iter_mut().zip(values) {
        *g = (*g - mean - v * along) * inverse;
    }
}
