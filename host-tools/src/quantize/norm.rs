//! LayerNorms whose output is divided by migration scales.

use super::migration;
use super::moments::Moments;
use super::rounding::Inputs;
use crate::blob::writer::QuantizedNorm;
use crate::checkpoint::{Dense, LayerNorm};

/// A LayerNorm with what its output is divided by.
pub struct SmoothedNorm<'a> {
    pub norm: &'a LayerNorm,
    scales: Vec<f32>,
    /// Its output in calibration, before the division.
    seen: &'a Moments,
}

impl<'a> SmoothedNorm<'a> {
    /// Chooses scales that suit the matrices that read the norm's output.
    pub fn new(norm: &'a LayerNorm, seen: &'a Moments, readers: &[&Dense]) -> Self {
        let scales = migration::scales(norm, seen, readers);
        SmoothedNorm { norm, scales, seen }
    }

    /// What the readers get.
    pub fn inputs(&self) -> Inputs {
        let shift: Vec<f64> = self.norm.beta.iter().map(|&b| b.into()).collect();
        let scales: Vec<f64> = self.scales.iter().map(|&s| s.into()).collect();
        let rows = self.seen.sample();
        let step = migration::mean_square_step(rows, &shift, &scales).sqrt();
        Inputs::new(self.seen, &shift, &scales, step)
    }

    /// A reader of the undivided output as a reader of this one.
    pub fn fold(&self, dense: &Dense) -> Dense {
        migration::fold(dense, &self.norm.beta, &self.scales)
    }

    /// The largest scale a row of the output can have in int8.
    pub fn row_scale(&self) -> f64 {
        let root = (self.scales.len() as f64).sqrt();
        let gains = self
            .norm
            .gamma
            .iter()
            .zip(&self.scales)
            .map(|(g, s)| f64::from(g / s));
        2.0 * root * gains.fold(0.0, f64::max) / 254.0 * 1.05
    }

    /// A bound of the output's distance from its shift.
    pub fn bound(&self) -> f64 {
        let root = (self.scales.len() as f64).sqrt();
        root * self
            .norm
            .gamma
            .iter()
            .fold(0.0, |m: f64, &g| m.max(f64::from(g.abs())))
    }

    /// The smallest unit in which the output can be added to sums of at most `other`.
    pub fn residual_unit(&self, other: f64) -> f64 {
        let restore = self
            .scales
            .iter()
            .fold(0.0, |m: f64, &s| m.max(f64::from(s.abs())));
        // The kernel's factor of a residual must stay below one half, and sums within 25 bits,
        // so that those of their squares stay within 64.
        let factor = self.row_scale() / 16.0 * restore * 2.0 / f64::from(1 << 17) / 0.45;
        factor.max((other + self.bound()) / f64::from(1 << 25))
    }

    pub fn quantized(&self, input_unit: f64) -> QuantizedNorm {
        let pairs = self.norm.gamma.iter().zip(&self.scales);
        QuantizedNorm {
            gains: pairs.map(|(&g, &s)| f64::from(g) / f64::from(s)).collect(),
            restore: self.scales.iter().map(|&s| s.into()).collect(),
            epsilon: f64::from(self.norm.epsilon) / (input_unit * input_unit),
        }
    }
}
