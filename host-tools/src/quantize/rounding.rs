//! Rounding weights so that the errors of a row cancel.
//!
//! Rounding each weight to the nearest step minimizes the error of the weights. What counts is
//! the error of the outputs, `(w - q)ᵀ H (w - q)` with `H` the covariance of the inputs, where
//! one weight's error can make up for another's. GPTQ (Frantar et al., arXiv 2210.17323) rounds
//! one weight after the other and lets those that follow take up the error; that is Babai's
//! nearest plane algorithm for the lattice of `H` (Chen et al., arXiv 2507.18553), in which form
//! it is written here: with `H = L Lᵀ` the error is `|Lᵀ (w - q)|²`, its components from the last
//! to the first depend on one more weight each, and each weight makes one of them small.

use super::cholesky;
use super::grid::Grid;
use super::moments::Moments;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

/// Columns whose errors reach the columns before them at once.
const BLOCK: usize = 64;

/// Rows of weights that a thread takes at once.
const ROWS: usize = 64;

/// Part of the mean variance that is added to every variance. With few texts some combinations of
/// channels seem never to vary, and errors would all go there: on MiniLM, 1,500 tokens without
/// damping are worse than plain rounding, with it better, and 4,000 lose nothing by it.
const DAMPING: f64 = 0.1;

/// What inputs look like to a matrix.
pub struct Inputs {
    /// Per channel.
    pub mean: Vec<f64>,
    /// Variance per channel.
    pub variance: Vec<f64>,
    /// Channels in the order of `factor`, those of the largest variance last: they are rounded
    /// first, while all others can still make up for it.
    order: Vec<usize>,
    factor: Array2<f64>,
}

impl Inputs {
    /// Inputs `(x - shift) / scales` of which `moments` has seen `x`; `step` is what a step of
    /// them in int8 stands for. Rounding adds noise to every channel, which no other channel can
    /// predict: a variance of `step² / 12`.
    pub fn new(moments: &Moments, shift: &[f64], scales: &[f64], step: f64) -> Self {
        let pairs = moments.mean().into_iter().zip(shift).zip(scales);
        let mean = pairs
            .map(|((mean, shift), scale)| (mean - shift) / scale)
            .collect();
        let mut covariance = moments.covariance(scales);
        let channels = covariance.nrows();
        let typical = covariance.diag().sum() / channels.max(1) as f64;
        let noise = (step * step / 12.0 + typical * DAMPING).max(1e-12);
        covariance.diag_mut().mapv_inplace(|v| v.max(0.0) + noise);

        let variance = covariance.diag().to_vec();
        let mut order: Vec<usize> = (0..channels).collect();
        order.sort_by(|&a, &b| variance[a].total_cmp(&variance[b]));
        let mut factor = Array2::from_shape_fn((channels, channels), |(i, j)| {
            let (row, column) = (order[i].max(order[j]), order[i].min(order[j]));
            if j <= i {
                covariance[(row, column)]
            } else {
                0.0
            }
        });
        cholesky::factor(&mut factor, noise * 0.5);
        Inputs {
            mean,
            variance,
            order,
            factor,
        }
    }

    /// Inputs of which nothing is known.
    pub fn unknown(channels: usize) -> Self {
        Inputs {
            mean: vec![0.0; channels],
            variance: vec![1.0; channels],
            order: (0..channels).collect(),
            factor: Array2::eye(channels),
        }
    }
}

/// Rounds `weights`, `[outputs x inputs]`, each row to its grid.
pub fn round(weights: &ArrayView2<'_, f32>, grids: &[Grid], inputs: &Inputs) -> Array2<i8> {
    let mut rounded = Array2::zeros(weights.dim());
    let tiles = rounded.axis_chunks_iter_mut(Axis(0), ROWS);
    let weights = weights.axis_chunks_iter(Axis(0), ROWS);
    let work: Vec<_> = tiles.zip(weights).zip(grids.chunks(ROWS)).collect();
    work.into_par_iter().for_each(|((out, weights), grids)| {
        round_tile(out, &weights, grids, inputs);
    });
    rounded
}

fn round_tile(
    mut out: ArrayViewMut2<'_, i8>,
    weights: &ArrayView2<'_, f32>,
    grids: &[Grid],
    inputs: &Inputs,
) {
    let (order, factor) = (&inputs.order, &inputs.factor);
    let channels = order.len();
    let mut errors = Array2::<f64>::zeros(weights.dim());
    let starts: Vec<usize> = (0..channels).step_by(BLOCK).collect();
    for &start in starts.iter().rev() {
        let end = channels.min(start + BLOCK);
        let mut pending = errors
            .slice(s![.., end..])
            .dot(&factor.slice(s![end.., start..end]));
        let block = factor.slice(s![start..end, start..end]);
        for (row, grid) in grids.iter().enumerate() {
            let mut pending = pending.row_mut(row);
            for i in (0..end - start).rev() {
                let channel = order[start + i];
                let w = f64::from(weights[(row, channel)]);
                let target = w + pending[i] / block[(i, i)];
                let q = grid.nearest(channel, target);
                out[(row, channel)] = q as i8;
                let error = w - q * grid.step;
                errors[(row, start + i)] = error;
                pending
                    .slice_mut(s![..i])
                    .scaled_add(error, &block.slice(s![i, ..i]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::grid::Bits;

    /// Rows of `channels` numbers that a few hidden causes share, and some noise.
    fn correlated(rows: usize, channels: usize) -> Array2<f32> {
        let mut state = 1u64;
        let mut random = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        let causes = Array2::from_shape_simple_fn((rows, 8), &mut random);
        let mixing = Array2::from_shape_simple_fn((8, channels), &mut random);
        causes.dot(&mixing) + Array2::from_shape_simple_fn((rows, channels), random) * 0.1
    }

    fn inputs(rows: &Array2<f32>) -> Inputs {
        let channels = rows.ncols();
        let mut moments = Moments::new(channels, rows.nrows());
        moments.add(&rows.view());
        Inputs::new(&moments, &vec![0.0; channels], &vec![1.0; channels], 0.01)
    }

    fn grids(bits: Bits, weights: &Array2<f32>, inputs: &Inputs) -> Vec<Grid> {
        let rows = weights.rows().into_iter();
        rows.map(|row| Grid::best(bits, &row.to_vec(), &inputs.variance, |channel| channel))
            .collect()
    }

    /// The squared error of the outputs over `rows`.
    fn error(
        rows: &Array2<f32>,
        weights: &Array2<f32>,
        rounded: &Array2<i8>,
        grids: &[Grid],
    ) -> f32 {
        let steps: Vec<f32> = grids.iter().map(|grid| grid.step as f32).collect();
        let steps = ArrayView2::from_shape((steps.len(), 1), &steps).unwrap();
        let left = weights - &(rounded.mapv(f32::from) * steps);
        rows.dot(&left.t()).mapv(|v| v * v).sum()
    }

    #[test]
    fn errors_cancel_where_inputs_are_correlated() {
        let (rows, channels) = (600, 2 * BLOCK + 5);
        let all = correlated(rows, channels);
        let (seen, unseen) = all.view().split_at(Axis(0), rows / 2);
        let (seen, unseen) = (seen.to_owned(), unseen.to_owned());
        let weights = correlated(ROWS + 3, channels);
        let inputs = inputs(&seen);
        for bits in [Bits::Eight, Bits::Four] {
            let grids = grids(bits, &weights, &inputs);
            let rounded = round(&weights.view(), &grids, &inputs);
            let plain = round(&weights.view(), &grids, &Inputs::unknown(channels));
            let (ours, theirs) = (
                error(&unseen, &weights, &rounded, &grids),
                error(&unseen, &weights, &plain, &grids),
            );
            assert!(ours < 0.5 * theirs, "{bits:?}: {ours} against {theirs}");
        }
    }

    #[test]
    fn unknown_inputs_give_the_nearest_steps() {
        let weights = correlated(5, 70);
        let inputs = Inputs::unknown(70);
        for bits in [Bits::Eight, Bits::Four] {
            let grids = grids(bits, &weights, &inputs);
            let rounded = round(&weights.view(), &grids, &inputs);
            let rows = weights.rows().into_iter().zip(&grids);
            for ((row, grid), rounded) in rows.zip(rounded.rows()) {
                for (channel, (&w, &q)) in row.iter().zip(rounded).enumerate() {
                    assert_eq!(grid.nearest(channel, w.into()), f64::from(q));
                }
            }
        }
    }

    #[test]
    fn degenerate_inputs_keep_every_weight_near() {
        let constant = Array2::from_elem((40, 70), 3.0f32);
        let none = Array2::<f32>::zeros((0, 70));
        let one = correlated(1, 70);
        let mut twins = correlated(40, 70);
        let first = twins.column(0).to_owned();
        twins
            .columns_mut()
            .into_iter()
            .for_each(|mut column| column.assign(&first));
        let weights = correlated(5, 70);
        for rows in [constant, none, one, twins] {
            let inputs = inputs(&rows);
            assert!(
                inputs
                    .mean
                    .iter()
                    .chain(&inputs.variance)
                    .all(|v| v.is_finite())
            );
            let grids = grids(Bits::Eight, &weights, &inputs);
            let rounded = round(&weights.view(), &grids, &inputs);
            let plain = round(&weights.view(), &grids, &Inputs::unknown(70));
            let worst = rounded
                .iter()
                .zip(&plain)
                .map(|(&a, &b)| (i32::from(a) - i32::from(b)).abs());
            assert!(worst.max().unwrap() <= 16);
        }
    }
}
