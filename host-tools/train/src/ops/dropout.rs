//! Dropout (Srivastava et al., 2014) whose mask is never stored: a hash of where a number stands
//! says whether it is kept, the same forward and backward.

use super::{CHUNK, vectorized};
use rayon::prelude::*;

/// The dropout of one step of training; none where the rate is 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dropout {
    /// Numbers are dropped whose hash is below this.
    threshold: u32,
    /// What those that are kept are multiplied by.
    scale: f32,
    seed: u32,
}

impl Dropout {
    /// None at all.
    pub const NONE: Self = Dropout {
        threshold: 0,
        scale: 1.0,
        seed: 0,
    };

    /// Drops a share of `rate`, other numbers in each step.
    pub fn new(rate: f32, seed: u64, step: u64) -> Self {
        let both = hash((seed as u32) ^ hash((seed >> 32) as u32 ^ 0x9e37_79b9));
        let seed = hash(both ^ step as u32) ^ (step >> 32) as u32;
        Dropout { seed, ..Self::NONE }.of(rate)
    }

    /// Another share at the same place.
    pub fn of(self, rate: f32) -> Self {
        let rate = rate.clamp(0.0, 0.99);
        Dropout {
            threshold: (f64::from(rate) * 2f64.powi(32)) as u32,
            scale: 1.0 / (1.0 - rate),
            ..self
        }
    }

    /// Another place of the model: it drops others.
    pub fn at(self, site: u32) -> Self {
        Dropout {
            seed: hash(self.seed ^ hash(site)),
            ..self
        }
    }

    /// Whether the number of this index is dropped.
    pub fn drops(&self, index: usize) -> bool {
        hash(index as u32 ^ self.seed) < self.threshold
    }

    pub fn is_none(&self) -> bool {
        self.threshold == 0
    }

    /// Drops numbers, or their gradients.
    pub fn apply(&self, values: &mut [f32]) {
        if self.is_none() {
            return;
        }
        let chunks = values.par_chunks_mut(CHUNK).enumerate();
        chunks.for_each(|(index, values)| self.apply_from(index * CHUNK, values));
    }

    /// The same for numbers of which the first has this index, on this thread.
    pub fn apply_from(&self, first: usize, values: &mut [f32]) {
        if self.is_none() {
            return;
        }
        let Dropout {
            threshold,
            scale,
            seed,
        } = *self;
        vectorized(|| {
            for (index, value) in (first as u32..).zip(values) {
                let kept = hash(index ^ seed) >= threshold;
                *value *= if kept { scale } else { 0.0 };
            }
        });
    }
}

/// A permutation of 32 bits in which a change of any bit changes half of the others (Wellons,
/// "lowbias32").
#[inline(always)]
fn hash(x: u32) -> u32 {
    let x = (x ^ x >> 16).wrapping_mul(0x7feb_352d);
    let x = (x ^ x >> 15).wrapping_mul(0x846c_a68b);
    x ^ x >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_dropped_and_the_mean_kept() {
        let mut sites = Vec::new();
        for (step, site) in [(0, 0), (0, 1), (1, 0)] {
            let dropout = Dropout::new(0.1, 7, step).at(site);
            let mut values = vec![1.0f32; 100_000];
            dropout.apply(&mut values);
            let dropped = values.iter().filter(|&&v| v == 0.0).count();
            assert!((9_500..10_500).contains(&dropped), "{dropped}");
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            assert!((mean - 1.0).abs() < 0.01);
            let mut again = vec![1.0f32; 100_000];
            dropout.apply(&mut again);
            assert_eq!(values, again);
            sites.push(values);
        }
        let both = |a: &[f32], b: &[f32]| a.iter().zip(b).filter(|(a, b)| **a + **b == 0.0).count();
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            let both = both(&sites[a], &sites[b]);
            assert!((800..1_200).contains(&both), "{both}");
        }
    }
}
