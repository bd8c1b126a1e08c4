//! AdamW (Loshchilov and Hutter, arXiv 1711.05101), the warm-up and linear decay of BERT's learning
//! rate, and clipping by the norm of all gradients.

use crate::model::Parameters;
use crate::ops::vectorized;
use rayon::prelude::*;
use serde::Serialize;
use std::ops::Range;

/// Elements a thread updates at a time.
const CHUNK: usize = 1 << 14;

/// Hyperparameters of AdamW.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Settings {
    pub betas: [f32; 2],
    pub epsilon: f32,
    pub weight_decay: f32,
    /// Gradients of a larger norm are scaled down to it.
    pub clip: f32,
}

impl Default for Settings {
    /// Those of BERT (Devlin et al., appendix A.2 and A.3, and their code).
    fn default() -> Self {
        Settings {
            betas: [0.9, 0.999],
            epsilon: 1e-6,
            weight_decay: 0.01,
            clip: 1.0,
        }
    }
}

/// The moments of all parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW {
    pub settings: Settings,
    pub first: Vec<f32>,
    pub second: Vec<f32>,
    /// Steps taken.
    pub steps: u64,
}

impl AdamW {
    pub fn new(settings: Settings, parameters: &Parameters) -> Self {
        AdamW {
            settings,
            first: vec![0.0; parameters.values.len()],
            second: vec![0.0; parameters.values.len()],
            steps: 0,
        }
    }

    /// Takes a step and clears the gradient; returns the gradient's norm before clipping.
    pub fn step(&mut self, rate: f32, parameters: &mut Parameters, gradient: &mut [f32]) -> f32 {
        let Settings {
            betas: [b1, b2],
            epsilon,
            weight_decay,
            clip,
        } = self.settings;
        self.steps += 1;
        let norm = norm(gradient);
        let clip = if norm > clip { clip / norm } else { 1.0 };
        let power = |b: f32| 1.0 - f64::from(b).powf(self.steps as f64);
        let (c1, c2) = (power(b1), power(b2));
        let size = (f64::from(rate) / c1) as f32;
        let correction = (1.0 / c2.sqrt()) as f32;

        let Parameters { values, decaying } = parameters;
        decay(values, decaying, 1.0 - rate * weight_decay);
        values
            .par_chunks_mut(CHUNK)
            .zip(gradient.par_chunks_mut(CHUNK))
            .zip(self.first.par_chunks_mut(CHUNK))
            .zip(self.second.par_chunks_mut(CHUNK))
            .for_each(|(((values, gradient), first), second)| {
                vectorized(|| {
                    let moments = first.iter_mut().zip(second);
                    let pairs = values.iter_mut().zip(gradient).zip(moments);
                    for ((value, gradient), (first, second)) in pairs {
                        let g = *gradient * clip;
                        *gradient = 0.0;
                        *first = b1 * *first + (1.0 - b1) * g;
                        *second = b2 * *second + (1.0 - b2) * g * g;
                        *value -= size * *first / (second.sqrt() * correction + epsilon);
                    }
                });
            });
        norm
    }
}

fn decay(values: &mut [f32], ranges: &[Range<usize>], factor: f32) {
    for range in ranges {
        let chunks = values[range.clone()].par_chunks_mut(CHUNK);
        chunks.for_each(|values| values.iter_mut().for_each(|v| *v *= factor));
    }
}

/// The Euclidean norm, the same for any number of threads.
fn norm(gradient: &[f32]) -> f32 {
    let squares = gradient.par_chunks(CHUNK).map(|chunk| {
        let squares: f32 = vectorized(|| {
            let mut sums = [0.0f32; 16];
            for chunk in chunk.chunks(16) {
                sums.iter_mut()
                    .zip(chunk)
                    .for_each(|(sum, g)| *sum += g * g);
            }
            sums.iter().sum()
        });
        f64::from(squares)
    });
    let squares: Vec<f64> = squares.collect();
    squares.iter().sum::<f64>().sqrt() as f32
}

/// The learning rate of step `step` of `steps`: it grows for the first `warmup`, then falls to 0.
pub fn scheduled(rate: f32, step: u64, warmup: u64, steps: u64) -> f32 {
    if step < warmup {
        return rate * (step + 1) as f32 / (warmup + 1) as f32;
    }
    let left = steps.saturating_sub(step) as f32;
    rate * left / steps.saturating_sub(warmup).max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_rise_and_fall() {
        let rates: Vec<f32> = (0..10).map(|step| scheduled(1.0, step, 3, 10)).collect();
        let expected = [0.25, 0.5, 0.75, 1.0, 6.0 / 7.0, 5.0 / 7.0];
        assert_eq!(rates[..6], expected);
        assert!(rates[9] > 0.0 && scheduled(1.0, 10, 3, 10) == 0.0);
    }
}
