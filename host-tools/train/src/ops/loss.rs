//! Losses with their gradients. Each adds `scale` times its gradient and returns its sum over all
//! rows, not scaled.

use super::attention::softmax;
use super::exp::sigmoid;
use rayon::prelude::*;
use std::ops::Range;

/// Cross entropy of `classes` logits a row with the class that is right, or none for rows that do
/// not count; `weights` tell what each class counts.
pub fn cross_entropy(
    logits: &[f32],
    classes: usize,
    targets: &[Option<u32>],
    weights: Option<&[f32]>,
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    let rows = logits.par_chunks_exact(classes).zip(targets);
    let losses =
        rows.zip(gradient.par_chunks_exact_mut(classes))
            .map(|((logits, target), gradient)| {
                let Some(target) = target.map(|target| target as usize) else {
                    return 0.0;
                };
                let mut probabilities = logits.to_vec();
                softmax(&mut probabilities, classes);
                let weight = weights.map_or(1.0, |weights| weights[target]);
                for (g, p) in gradient.iter_mut().zip(&probabilities) {
                    *g += p * scale * weight;
                }
                gradient[target] -= scale * weight;
                -f64::from(probabilities[target].max(f32::MIN_POSITIVE)).ln() * f64::from(weight)
            });
    let losses: Vec<f64> = losses.collect();
    losses.iter().sum()
}

/// Cross entropy over the tokens of each sequence, of the one that an answer starts with and of the
/// one that it ends with; `targets` say which these are. Logits are `[tokens x 2]`.
pub fn span_cross_entropy(
    logits: &[f32],
    sequences: &[Range<usize>],
    targets: &[[u32; 2]],
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    let mut loss = 0.0;
    for (sequence, targets) in sequences.iter().zip(targets) {
        let rows = 2 * sequence.start..2 * sequence.end;
        for (column, &target) in targets.iter().enumerate() {
            let logits = logits[rows.clone()].iter().skip(column).step_by(2);
            let logits: Vec<f32> = logits.copied().collect();
            let mut found = vec![0.0; logits.len()];
            let target = [Some(target)];
            loss += cross_entropy(&logits, logits.len(), &target, None, scale, &mut found);
            let into = gradient[rows.clone()].iter_mut().skip(column).step_by(2);
            into.zip(found).for_each(|(g, found)| *g += found);
        }
    }
    loss
}

/// Divergence from the teacher's distribution, both softened by a temperature, times its square
/// (Hinton et al., arXiv 1503.02531).
pub fn soft_cross_entropy(
    logits: &[f32],
    teacher: &[f32],
    classes: usize,
    temperature: f32,
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    let soft = |logits: &[f32]| {
        let mut softened: Vec<f32> = logits.iter().map(|v| v / temperature).collect();
        softmax(&mut softened, classes);
        softened
    };
    let rows = logits
        .par_chunks_exact(classes)
        .zip(teacher.par_chunks_exact(classes));
    let losses =
        rows.zip(gradient.par_chunks_exact_mut(classes))
            .map(|((logits, teacher), gradient)| {
                let (student, teacher) = (soft(logits), soft(teacher));
                let pairs = || student.iter().zip(&teacher);
                for (g, (s, t)) in gradient.iter_mut().zip(pairs()) {
                    *g += (s - t) * scale * temperature;
                }
                let least = f32::MIN_POSITIVE;
                let ratio = |(s, t): (&f32, &f32)| {
                    f64::from(*t) * f64::from(t.max(least) / s.max(least)).ln()
                };
                pairs().map(ratio).sum::<f64>() * f64::from(temperature).powi(2)
            });
    let losses: Vec<f64> = losses.collect();
    losses.iter().sum()
}

/// Binary cross entropy of each logit with 0 or 1, or anything between.
pub fn binary_cross_entropy(
    logits: &[f32],
    targets: &[f32],
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    let pairs = logits.iter().zip(targets).zip(gradient);
    let losses = pairs.map(|((&x, &target), gradient)| {
        *gradient += (sigmoid(x) - target) * scale;
        // max(x, 0) - x t + ln(1 + e^-|x|)
        f64::from(x.max(0.0) - x * target) + f64::from((-x.abs()).exp().ln_1p())
    });
    losses.sum()
}

/// Half the squared difference.
pub fn squared_error(values: &[f32], targets: &[f32], scale: f32, gradient: &mut [f32]) -> f64 {
    let pairs = values.iter().zip(targets).zip(gradient);
    let losses = pairs.map(|((v, target), gradient)| {
        let difference = v - target;
        *gradient += difference * scale;
        0.5 * f64::from(difference).powi(2)
    });
    losses.sum()
}
