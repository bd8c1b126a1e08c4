//! What a quantized matrix is rounded against: mean and covariance of its inputs.

use ndarray::{Array2, ArrayView2, Axis, s};

/// Rows kept as they are, for what moments cannot tell: ranges.
const SAMPLE: usize = 384;

/// Columns of a block of the covariance that is computed at once.
const PANEL: usize = 512;

/// Mean, covariance and a sample of the rows seen at one place of the model.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Mean of the first rows; sums are taken around it, so that large means cost no digits.
    origin: Vec<f32>,
    /// Sum of the rows less the origin, per channel.
    sum: Vec<f64>,
    /// Sum of products of the rows less the origin; the lower triangle counts.
    products: Array2<f64>,
    rows: usize,
    /// Evenly spread over the rows. `[rows x channels]`
    sample: Vec<f32>,
    /// A row out of so many is sampled.
    stride: usize,
}

impl Moments {
    /// `expected` rows will be added.
    pub fn new(channels: usize, expected: usize) -> Self {
        Moments {
            origin: Vec::new(),
            sum: vec![0.0; channels],
            products: Array2::zeros((channels, channels)),
            rows: 0,
            sample: Vec::new(),
            stride: expected.div_ceil(SAMPLE).max(1),
        }
    }

    pub fn channels(&self) -> usize {
        self.sum.len()
    }

    /// Adds `rows`, `[rows x channels]`. The result depends on how rows are cut into calls, by
    /// rounding alone, and on nothing else.
    pub fn add(&mut self, rows: &ArrayView2<'_, f32>) {
        let channels = self.channels();
        if self.origin.is_empty() {
            let mean = rows.mean_axis(Axis(0));
            self.origin = mean.map_or(vec![0.0; channels], |mean| mean.to_vec());
        }
        for (index, row) in rows.rows().into_iter().enumerate() {
            if (self.rows + index).is_multiple_of(self.stride) {
                self.sample.extend(row);
            }
        }
        self.rows += rows.nrows();
        let centred = rows - &ArrayView2::from_shape((1, channels), &self.origin).expect("a row");
        for row in centred.rows() {
            for (sum, &v) in self.sum.iter_mut().zip(row) {
                *sum += f64::from(v);
            }
        }
        for start in (0..channels).step_by(PANEL) {
            let end = channels.min(start + PANEL);
            let products = centred
                .slice(s![.., start..end])
                .t()
                .dot(&centred.slice(s![.., ..end]));
            let mut block = self.products.slice_mut(s![start..end, ..end]);
            block.zip_mut_with(&products, |sum, &v| *sum += f64::from(v));
        }
    }

    /// Mean per channel; zeros if nothing was seen.
    pub fn mean(&self) -> Vec<f64> {
        let count = self.rows.max(1) as f64;
        let pairs = self.sum.iter().enumerate();
        pairs
            .map(|(c, sum)| self.origin.get(c).map_or(0.0, |&o| f64::from(o)) + sum / count)
            .collect()
    }

    /// The lower triangle of the covariance of the channels, each divided by its scale.
    pub fn covariance(&self, scales: &[f64]) -> Array2<f64> {
        let count = self.rows.max(1) as f64;
        let mut covariance = self.products.clone();
        for ((i, mut row), scale) in covariance.rows_mut().into_iter().enumerate().zip(scales) {
            let mean = self.sum[i] / count;
            for ((product, sum), other) in row.iter_mut().zip(&self.sum).zip(scales).take(i + 1) {
                *product = (*product / count - mean * sum / count) / (scale * other);
            }
        }
        covariance
    }

    /// Mean square of each channel's distance from `shift`.
    pub fn mean_squares(&self, shift: &[f64]) -> Vec<f64> {
        let count = self.rows.max(1) as f64;
        let mean = self.mean();
        (0..self.channels())
            .map(|c| {
                let variance = self.products[(c, c)] / count - (self.sum[c] / count).powi(2);
                variance.max(0.0) + (mean[c] - shift[c]).powi(2)
            })
            .collect()
    }

    /// Sampled rows, each `channels` long.
    pub fn sample(&self) -> impl Iterator<Item = &[f32]> {
        self.sample.chunks_exact(self.channels().max(1))
    }
}
