//! Activations as the engine has them: int8, with a scale for each row.

use super::{CHUNK, vectorized};
use rayon::prelude::*;

/// Where the steps of a row lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// 127 on either side of zero: queries, keys, values and contexts.
    Symmetric,
    /// 254 from the least number to the largest: what comes out of LayerNorms and of the activation
    /// function.
    Range,
}

/// Rounds each row of `width` to the steps that its numbers need.
pub fn round_rows(rows: &mut [f32], width: usize, steps: Steps) {
    let most = (CHUNK / width).max(1) * width;
    rows.par_chunks_mut(most).for_each(|rows| {
        vectorized(|| {
            for row in rows.chunks_exact_mut(width) {
                let least = row.iter().fold(f32::INFINITY, |m, &v| m.min(v));
                let largest = row.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v));
                let (zero, step) = match steps {
                    Steps::Symmetric => (0.0, largest.max(-least) / 127.0),
                    Steps::Range => (least, (largest - least) / 254.0),
                };
                // A row of equal numbers stays as it is.
                let inverse = 1.0 / step.max(f32::MIN_POSITIVE);
                row.iter_mut()
                    .for_each(|v| *v = zero + ((*v - zero) * inverse).round_ties_even() * step);
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_as_many_steps_as_int8() {
        let row: Vec<f32> = (0..1000)
            .map(|i| ((i * 7919) % 1000) as f32 / 250.0 - 1.0)
            .collect();
        for (steps, most) in [(Steps::Symmetric, 255), (Steps::Range, 255)] {
            let mut rounded = [row.clone(), vec![0.5; 1000]].concat();
            round_rows(&mut rounded, 1000, steps);
            let half = match steps {
                Steps::Symmetric => 3.0 / 127.0 / 2.0,
                Steps::Range => 4.0 / 254.0 / 2.0,
            };
            let pairs = row.iter().zip(&rounded);
            assert!(pairs.clone().all(|(a, b)| (a - b).abs() < half + 1e-6));
            assert!(pairs.clone().any(|(a, b)| a != b));
            let mut different: Vec<u32> = rounded[..1000].iter().map(|v| v.to_bits()).collect();
            different.sort_unstable();
            different.dedup();
            assert!(different.len() <= most, "{}", different.len());
            assert!(rounded[1000..].iter().all(|v| (v - 0.5).abs() < 1e-6));
        }
    }
}
