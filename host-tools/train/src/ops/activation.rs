//! The activation functions of the feed-forward network and of the pooler.

use super::exp::{self, erf};
use super::{CHUNK, vectorized};
use embert_tools::checkpoint::Activation;
use rayon::prelude::*;
use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// The cubic term of GELU's approximation by the tangent (Hendrycks and Gimpel, arXiv 1606.08415).
const CUBIC: f32 = 0.044_715;

/// √(2/π).
const SLOPE: f32 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

pub fn activate(kind: Activation, x: &[f32], out: &mut [f32]) {
    let pairs = out.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    pairs.for_each(|(out, x)| {
        vectorized(|| {
            let pairs = out.iter_mut().zip(x);
            match kind {
                Activation::GeluErf => {
                    pairs.for_each(|(out, &x)| *out = 0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2).0));
                }
                Activation::GeluTanh => pairs.for_each(|(out, &x)| {
                    let t = exp::tanh(SLOPE * x * (1.0 + CUBIC * x * x));
                    *out = 0.5 * x * (1.0 + t);
                }),
                Activation::Relu => pairs.for_each(|(out, &x)| *out = x.max(0.0)),
            }
        });
    });
}

/// Turns the gradient of the output into that of the input `x`.
pub fn activate_backward(kind: Activation, x: &[f32], gradient: &mut [f32]) {
    let pairs = gradient.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    pairs.for_each(|(gradient, x)| {
        vectorized(|| {
            let pairs = gradient.iter_mut().zip(x);
            match kind {
                Activation::GeluErf => pairs.for_each(|(g, &x)| {
                    // Φ(x) + x φ(x)
                    let (erf, gauss) = erf(x * FRAC_1_SQRT_2);
                    let density = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * gauss;
                    *g *= 0.5 * (1.0 + erf) + x * density;
                }),
                Activation::GeluTanh => pairs.for_each(|(g, &x)| {
                    let t = exp::tanh(SLOPE * x * (1.0 + CUBIC * x * x));
                    let slope = SLOPE * (1.0 + 3.0 * CUBIC * x * x);
                    *g *= 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope;
                }),
                Activation::Relu => pairs.for_each(|(g, &x)| {
                    *g = if x > 0.0 { *g } else { 0.0 };
                }),
            }
        });
    });
}

/// In place.
pub fn tanh(x: &mut [f32]) {
    vectorized(|| x.iter_mut().for_each(|x| *x = exp::tanh(*x)));
}

/// Turns the gradient of `y = tanh(x)` into that of `x`.
pub fn tanh_backward(y: &[f32], gradient: &mut [f32]) {
    let pairs = gradient.iter_mut().zip(y);
    vectorized(|| pairs.for_each(|(g, &y)| *g *= 1.0 - y * y));
}
