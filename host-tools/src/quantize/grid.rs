//! What the weights of a row are rounded to.

use embert::BLOCK;

/// The largest magnitude of an int8 weight.
const LARGEST: f64 = 127.0;

/// The least and the greatest int4 weight.
const INT4: [f64; 2] = [-8.0, 7.0];

/// The largest multiplier of a group of int4 weights.
const MULTIPLIER: f64 = 15.0;

/// Bits of the weights of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    Eight,
    /// Four, and a multiplier for each group of 16 inputs.
    Four,
}

/// The numbers that a row of weights is made of: multiples of a step, all of int8; or, of int4,
/// those that are a group's multiplier times -8 to 7.
#[derive(Clone, Debug)]
pub struct Grid {
    pub step: f64,
    /// Of each channel's group; empty for int8.
    multipliers: Vec<u8>,
}

impl Grid {
    /// The grid of the least error, if each weight of `row` were rounded by itself and its squared
    /// error counted by `weights`. `place` is where a channel stands, and so in which group.
    pub fn best(bits: Bits, row: &[f32], weights: &[f64], place: impl Fn(usize) -> usize) -> Self {
        match bits {
            Bits::Eight => Grid {
                step: f64::from(int8_step(row, weights) as f32),
                multipliers: Vec::new(),
            },
            Bits::Four => int4_grid(row, weights, place),
        }
    }

    /// The same with another step.
    pub fn with_step(self, step: f64) -> Self {
        Grid { step, ..self }
    }

    /// The int8 number of steps nearest to `value`, of those that weight `channel` can be.
    pub fn nearest(&self, channel: usize, value: f64) -> f64 {
        match self.multipliers.get(channel) {
            None => int8(value, self.step),
            Some(&m) => {
                let m = f64::from(m);
                int4(value, self.step * m) * m
            }
        }
    }

    /// The multiplier of `channel`; `None` for int8.
    pub fn multiplier(&self, channel: usize) -> Option<u8> {
        self.multipliers.get(channel).copied()
    }
}

fn int8(value: f64, step: f64) -> f64 {
    (value / step).round().clamp(-LARGEST, LARGEST)
}

fn int4(value: f64, step: f64) -> f64 {
    (value / step).round().clamp(INT4[0], INT4[1])
}

/// What makes `error` least; the first of `candidates` if there is nothing to choose.
fn least(candidates: impl Iterator<Item = f64>, error: impl Fn(f64) -> f64) -> (f64, f64) {
    let tried = candidates.map(|candidate| (error(candidate), candidate));
    tried
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((0.0, 1.0))
}

/// Cutting off the largest weights can be worth a finer step.
fn int8_step(row: &[f32], weights: &[f64]) -> f64 {
    let largest = row.iter().fold(1e-9f32, |m, w| m.max(w.abs()));
    let largest = f64::from(largest) / LARGEST;
    let candidates = (0..12).map(|i| largest * (1.0 - 0.03 * f64::from(i)));
    let error = |step: f64| -> f64 {
        let errors = row.iter().zip(weights).map(|(&w, weight)| {
            let w = f64::from(w);
            (w - int8(w, step) * step).powi(2) * weight
        });
        errors.sum()
    };
    least(candidates, error).1
}

/// A group of a row: weights and what their squared errors count.
type Group = Vec<(f64, f64)>;

/// The error of a group in int4.
fn error(group: &Group, step: f64) -> f64 {
    let errors = group
        .iter()
        .map(|&(w, weight)| (w - int4(w, step) * step).powi(2) * weight);
    errors.sum()
}

/// First the step that suits each group best, then the row's step of which these are nearly
/// multiples.
fn int4_grid(row: &[f32], weights: &[f64], place: impl Fn(usize) -> usize) -> Grid {
    let group_of = |channel| place(channel) / BLOCK;
    let mut groups = vec![Group::new(); row.len().checked_sub(1).map_or(0, group_of) + 1];
    for (channel, (&w, &weight)) in row.iter().zip(weights).enumerate() {
        groups[group_of(channel)].push((w.into(), weight));
    }
    let ideal: Vec<f64> = groups
        .iter()
        .map(|group| {
            let needed = |step: f64, &(w, _): &(f64, f64)| step.max((w / INT4[0]).max(w / INT4[1]));
            let largest = group.iter().fold(1e-12, needed);
            let candidates = (0..12).map(|i| largest * (1.0 - 0.04 * f64::from(i)));
            least(candidates, |step| error(group, step)).1
        })
        .collect();
    let finest = ideal.iter().copied().fold(1e-12, f64::max) / MULTIPLIER;

    // The multiplier above the ideal or the one below it.
    let multiplier = |group: &Group, ideal: f64, step: f64| {
        let below = (ideal / step).floor();
        let candidates = [below, below + 1.0].map(|m| m.clamp(1.0, MULTIPLIER));
        least(candidates.into_iter(), |m| error(group, step * m))
    };
    let pairs = || groups.iter().zip(&ideal);
    let candidates = (0..10).map(|i| f64::from((finest * (0.7 + 0.1 * f64::from(i))) as f32));
    let (_, step) = least(candidates, |step| {
        pairs()
            .map(|(g, &ideal)| multiplier(g, ideal, step).0)
            .sum()
    });
    let multipliers: Vec<u8> = pairs()
        .map(|(group, &ideal)| multiplier(group, ideal, step).1 as u8)
        .collect();
    Grid {
        step,
        multipliers: (0..row.len()).map(|c| multipliers[group_of(c)]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of very different magnitudes, one of them padded.
    #[test]
    fn int4_errs_by_half_a_step_of_the_group() {
        let row: Vec<f32> = (0..40)
            .map(|i| {
                let magnitude = [1.0, 0.1, 8.0][i / BLOCK];
                ((i * 7919 % 101) as f32 / 50.0 - 1.0) * magnitude
            })
            .collect();
        let grid = Grid::best(Bits::Four, &row, &[1.0; 40], |channel| channel);
        for (channel, &w) in row.iter().enumerate() {
            let q = grid.nearest(channel, w.into());
            let multiplier = f64::from(grid.multiplier(channel).expect("int4"));
            assert!(q.abs() <= LARGEST && (q / multiplier).fract() == 0.0);
            let magnitude = [1.0, 0.1, 8.0][channel / BLOCK];
            let error = (q * grid.step - f64::from(w)).abs();
            // The smallest group is below the steps of the largest.
            assert!(
                error <= f64::max(magnitude / 7.0, 8.0 / 105.0),
                "{channel}: {error}"
            );
        }
    }

    #[test]
    fn nothing_is_zero() {
        for bits in [Bits::Eight, Bits::Four] {
            let grid = Grid::best(bits, &[0.0; 20], &[1.0; 20], |channel| channel);
            assert!(grid.step > 0.0);
            assert_eq!(grid.nearest(19, 0.0), 0.0);
        }
    }
}
