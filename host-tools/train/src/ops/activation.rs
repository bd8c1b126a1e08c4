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
    pairs.for_each(|(out, x)| match kind {
        Activation::GeluErf => vectorized(|| each(x, out, |x, _| gelu_erf(x))),
        Activation::GeluTanh => vectorized(|| each(x, out, |x, _| gelu_tanh(x))),
        Activation::Relu => vectorized(|| each(x, out, |x, _| x.max(0.0))),
    });
}

/// Turns the gradient of the output into that of the input `x`.
pub fn activate_backward(kind: Activation, x: &[f32], gradient: &mut [f32]) {
    let pairs = gradient.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    pairs.for_each(|(gradient, x)| match kind {
        Activation::GeluErf => vectorized(|| each(x, gradient, |x, g| g * gelu_erf_slope(x))),
        Activation::GeluTanh => vectorized(|| each(x, gradient, |x, g| g * gelu_tanh_slope(x))),
        Activation::Relu => vectorized(|| each(x, gradient, |x, g| if x > 0.0 { g } else { 0.0 })),
    });
}

/// `y = f(x, y)` for each pair.
#[inline(always)]
fn each(x: &[f32], y: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = f(x, *y);
    }
}

#[inline(always)]
fn gelu_erf(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2).0)
}

/// Φ(x) + x φ(x)
#[inline(always)]
fn gelu_erf_slope(x: f32) -> f32 {
    let (erf, gauss) = erf(x * FRAC_1_SQRT_2);
    let density = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * gauss;
    0.5 * (1.0 + erf) + x * density
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    let t = exp::tanh(SLOPE * x * (1.0 + CUBIC * x * x));
    0.5 * x * (1.0 + t)
}

#[inline(always)]
fn gelu_tanh_slope(x: f32) -> f32 {
    let t = exp::tanh(SLOPE * x * (1.0 + CUBIC * x * x));
    let slope = SLOPE * (1.0 + 3.0 * CUBIC * x * x);
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope
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
