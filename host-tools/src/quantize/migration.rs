//! Moves what is hard to quantize from activations to weights, offline (SmoothQuant, Xiao et
//! al., arXiv 2211.10438), and folds every LayerNorm's shift into the biases that follow it.

use super::moments::Moments;
use crate::checkpoint::{Dense, LayerNorm};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Migration scales may differ from their mean by this factor at most: the finest unit of the
/// next matrix follows from the largest of what they leave.
const RANGE: f64 = 64.0;

/// Exponents tried, in tenths: of the activations' magnitudes, and of the weights'.
const ACTIVATION_EXPONENTS: std::ops::RangeInclusive<i32> = 0..=10;
const WEIGHT_EXPONENTS: std::ops::RangeInclusive<i32> = 0..=8;

/// Part of the squared error of plainly rounded weights that is left once errors cancel.
const LEFT_BY_ROUNDING: f64 = 0.3;

/// Rows that the outputs' power is measured on.
const POWER_ROWS: usize = 64;

/// A scale per channel; the signs are gamma's.
///
/// SmoothQuant takes the root of the activations' largest magnitude over the weights'. Here the
/// two exponents are searched for: those of the least error, relative to what the outputs of
/// `readers` carry, from rounding inputs and weights to int8. With no readers, channels stay as
/// they are.
pub fn scales(norm: &LayerNorm, seen: &Moments, readers: &[&Dense]) -> Vec<f32> {
    let sign = |gamma: f32| if gamma < 0.0 { -1.0 } else { 1.0 };
    if readers.is_empty() {
        return norm.gamma.iter().map(|&gamma| sign(gamma)).collect();
    }
    let site = Site::new(norm, seen, readers);
    let exponents: Vec<(i32, i32)> = ACTIVATION_EXPONENTS
        .flat_map(|a| WEIGHT_EXPONENTS.map(move |w| (a, w)))
        .collect();
    let tried = exponents.par_iter().map(|&(a, w)| {
        let scales = site.scales(f64::from(a) / 10.0, f64::from(w) / 10.0);
        (site.error(&scales), scales)
    });
    let best = tried
        .collect::<Vec<_>>()
        .into_iter()
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let (_, best) = best.expect("exponents are tried");
    let signed = best.iter().zip(&norm.gamma);
    signed.map(|(&s, &gamma)| s as f32 * sign(gamma)).collect()
}

/// A norm's output and the matrices that read it.
struct Site<'a> {
    rows: Vec<&'a [f32]>,
    /// The norm's, which inputs are less of.
    shift: Vec<f64>,
    /// Per channel: the largest magnitude, and the mean square.
    largest: Vec<f64>,
    squares: Vec<f64>,
    /// Matrices, and what a squared error of their outputs counts.
    readers: Vec<(&'a Dense, f64)>,
    /// Per channel: squared weights of all readers, by what they count.
    columns: Vec<f64>,
}

impl<'a> Site<'a> {
    fn new(norm: &LayerNorm, seen: &'a Moments, readers: &[&'a Dense]) -> Self {
        let width = norm.gamma.len();
        let rows: Vec<&[f32]> = seen.sample().collect();
        let mut largest = vec![1e-6f64; width];
        for row in &rows {
            for ((largest, v), b) in largest.iter_mut().zip(*row).zip(&norm.beta) {
                *largest = largest.max(f64::from((v - b).abs()));
            }
        }
        let shift: Vec<f64> = norm.beta.iter().map(|&b| b.into()).collect();
        let readers: Vec<(&Dense, f64)> = readers
            .iter()
            .map(|&dense| (dense, 1.0 / power(dense, &rows)))
            .collect();
        let mut columns = vec![1e-12; width];
        for (dense, counts) in &readers {
            for row in dense.weight.chunks_exact(dense.inputs) {
                for (column, &w) in columns.iter_mut().zip(row) {
                    *column += f64::from(w).powi(2) * counts;
                }
            }
        }
        let squares = seen.mean_squares(&shift);
        Site {
            rows,
            shift,
            largest,
            squares,
            readers,
            columns,
        }
    }

    /// Scales whose geometric mean is one.
    fn scales(&self, activation: f64, weight: f64) -> Vec<f64> {
        let logarithms: Vec<f64> = self
            .largest
            .iter()
            .zip(&self.columns)
            .map(|(largest, column)| activation * largest.ln() - weight / 2.0 * column.ln())
            .collect();
        let mean = logarithms.iter().sum::<f64>() / logarithms.len() as f64;
        let scales = logarithms.iter().map(|l| (l - mean).exp());
        scales.map(|s| s.clamp(1.0 / RANGE, RANGE)).collect()
    }

    /// The squared error that rounding causes, relative to the power of the outputs.
    fn error(&self, scales: &[f64]) -> f64 {
        let noise = mean_square_step(self.rows.iter().copied(), &self.shift, scales) / 12.0;
        let columns = self.columns.iter().zip(scales);
        let inputs: f64 = columns.map(|(column, s)| column * s * s).sum::<f64>() * noise;

        let squares = self.squares.iter().zip(scales);
        let power: f64 = squares.map(|(square, s)| square / (s * s)).sum();
        let weights: f64 = self
            .readers
            .iter()
            .map(|(dense, counts)| {
                let rows = dense.weight.chunks_exact(dense.inputs);
                let steps = rows.map(|row| {
                    let scaled = row.iter().zip(scales).map(|(&w, s)| f64::from(w).abs() * s);
                    (scaled.fold(0.0, f64::max) / 127.0).powi(2)
                });
                steps.sum::<f64>() / 12.0 * counts
            })
            .sum();

        // The residual has four bits more.
        let total = self.squares.iter().sum::<f64>().max(1e-12);
        let residual = scales.iter().map(|s| s * s).sum::<f64>() * noise / 256.0 / total;
        inputs + weights * power * LEFT_BY_ROUNDING + residual
    }
}

/// The mean square, over `(row - shift) / scales`, of a step of int8 with a zero point.
pub fn mean_square_step<'a>(
    rows: impl Iterator<Item = &'a [f32]>,
    shift: &[f64],
    scales: &[f64],
) -> f64 {
    let constants = shift.iter().zip(scales);
    let constants: Vec<(f32, f32)> = constants
        .map(|(&shift, scale)| (shift as f32, (1.0 / scale) as f32))
        .collect();
    let (mut sum, mut count) = (0.0, 0.0);
    for row in rows {
        let scaled = row
            .iter()
            .zip(&constants)
            .map(|(v, (shift, inverse))| (v - shift) * inverse);
        let (low, high) = scaled.fold((0.0f32, 0.0f32), |(l, h), v| (l.min(v), h.max(v)));
        sum += (f64::from(high - low) / 254.0).powi(2);
        count += 1.0;
    }
    sum / f64::max(count, 1.0)
}

/// The variance of the outputs of `dense`, summed over channels.
fn power(dense: &Dense, rows: &[&[f32]]) -> f64 {
    let stride = rows.len().div_ceil(POWER_ROWS).max(1);
    let some: Vec<f32> = rows
        .iter()
        .step_by(stride)
        .flat_map(|row| *row)
        .copied()
        .collect();
    let inputs = Array2::from_shape_vec((some.len() / dense.inputs, dense.inputs), some)
        .expect("whole rows");
    let weights = ArrayView2::from_shape((dense.outputs, dense.inputs), &dense.weight)
        .expect("a Dense holds outputs x inputs weights");
    let outputs = inputs.dot(&weights.t());
    let variance = if outputs.nrows() > 0 {
        outputs.var_axis(Axis(0), 0.0).sum()
    } else {
        0.0
    };
    f64::from(variance).max(1e-12)
}

/// The same layer for inputs without `shift` and divided by `scales`.
pub fn fold(dense: &Dense, shift: &[f32], scales: &[f32]) -> Dense {
    let mut folded = dense.clone();
    let rows = folded
        .weight
        .chunks_exact_mut(dense.inputs)
        .zip(&mut folded.bias);
    for (row, bias) in rows {
        let sum: f64 = row
            .iter()
            .zip(shift)
            .map(|(&w, &s)| f64::from(w) * f64::from(s))
            .sum();
        *bias += sum as f32;
        row.iter_mut().zip(scales).for_each(|(w, s)| *w *= s);
    }
    folded
}
