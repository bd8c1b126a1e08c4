//! Activations as the engine has them: int8, with a scale for each row. Weights as a blob has them.

use super::{CHUNK, vectorized};
use embert::BLOCK;
use embert_tools::quantize::Bits;
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
        vectorized(
            #[inline(always)]
            || {
                for row in rows.chunks_exact_mut(width) {
                    let least = row.iter().fold(f32::INFINITY, |m, &v| m.min(v));
                    let largest = row.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v));
                    let (zero, step) = match steps {
                        Steps::Symmetric => (0.0, largest.max(-least) / 127.0),
                        Steps::Range => (least, (largest - least) / 254.0),
                    };
                    // A row of equal numbers stays as it is.
                    let inverse = 1.0 / step.max(f32::MIN_POSITIVE);
                    for v in row {
                        *v = zero + whole((*v - zero) * inverse) * step;
                    }
                }
            },
        );
    });
}

/// Rounds each row of `width` weights to numbers that a blob can have. The quantizer searches for the
/// best of them; in every step of a training that would take most of the time, and a training makes up
/// for what is lost.
pub fn round_weights(rows: &mut [f32], width: usize, bits: Bits) {
    let most = (CHUNK / width).max(1) * width;
    rows.par_chunks_mut(most).for_each(|rows| {
        vectorized(
            #[inline(always)]
            || {
                for row in rows.chunks_exact_mut(width) {
                    match bits {
                        Bits::Eight => round_int8(row),
                        Bits::Four => round_int4(row),
                    }
                }
            },
        );
    });
}

/// Rows of nothing have steps, too.
const LEAST: f32 = 1e-12;

/// The nearest whole number of a small one, the even of two: what is below 1 falls off the end of so
/// large a number. Vectors of it need no call of a function.
#[inline(always)]
fn whole(v: f32) -> f32 {
    const LARGE: f32 = (3 << 22) as f32;
    (v + LARGE) - LARGE
}

#[inline(always)]
fn round_int8(row: &mut [f32]) {
    let largest = row.iter().fold(LEAST, |m, v| m.max(v.abs()));
    let step = largest / 127.0;
    let inverse = 1.0 / step;
    for v in row {
        *v = whole(*v * inverse) * step;
    }
}

/// The largest multiplier of a group.
const MULTIPLIER: f32 = 15.0;

/// The step that a group of weights from -8 to 7 would have by itself.
#[inline(always)]
fn group_step(group: &[f32]) -> f32 {
    let least = group.iter().fold(0.0f32, |m, &v| m.min(v));
    let largest = group.iter().fold(0.0f32, |m, &v| m.max(v));
    (largest / 7.0).max(least / -8.0)
}

#[inline(always)]
fn round_int4(row: &mut [f32]) {
    let steps = row.chunks(BLOCK).map(group_step);
    let step = steps.fold(LEAST, f32::max) / MULTIPLIER;
    for group in row.chunks_mut(BLOCK) {
        let multiplier = whole(group_step(group) / step);
        let step = step * multiplier.clamp(1.0, MULTIPLIER);
        let inverse = 1.0 / step;
        for v in group {
            *v = whole(*v * inverse).clamp(-8.0, 7.0) * step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embert_tools::quantize::Grid;

    /// Of rows as they are in models: normally distributed, nearly.
    #[test]
    fn weights_are_nearly_as_well_rounded_as_by_the_quantizer() {
        let mut state = 1u32;
        let mut uniform = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0 - 0.5
        };
        let width = 200;
        let rows: Vec<f32> = (0..50 * width)
            .map(|_| (0..6).map(|_| uniform()).sum())
            .collect();
        let square = |a: &[f32], b: &[f32]| -> f64 {
            let squares = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2));
            squares.sum()
        };
        for bits in [Bits::Eight, Bits::Four] {
            let mut rounded = rows.clone();
            round_weights(&mut rounded, width, bits);
            let searched = rows.chunks(width).flat_map(|row| {
                let grid = Grid::best(bits, row, &vec![1.0; width], |channel| channel);
                let numbered = row.iter().enumerate();
                let nearest = numbered.map(|(i, &v)| grid.nearest(i, v.into()) * grid.step);
                nearest.map(|v| v as f32).collect::<Vec<f32>>()
            });
            let searched: Vec<f32> = searched.collect();
            let ratio = square(&rows, &rounded) / square(&rows, &searched);
            assert!((0.99..1.15).contains(&ratio), "{bits:?}: {ratio}");
        }
        let mut nothing = [0.0; 40];
        round_weights(&mut nothing, 20, Bits::Four);
        assert_eq!(nothing, [0.0; 40]);
    }

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
