//! The definitions against the functions they stand for, in `f64`, with stated bounds.

use super::*;
use crate::blob::{Format, Linear, Matrix};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::kernels::{Activations, HiddenRow, RowScale, SoftmaxScales, VALUE_SCALE_ONE};
use crate::shape::BLOCK;

/// Pseudo-random numbers of 31 bits.
fn numbers(seed: u32) -> impl Iterator<Item = i32> {
    let mut state = u64::from(seed);
    core::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i32
    })
}

#[test]
fn exp2_over_its_whole_range() {
    for z in 0..=i16::MAX as i32 {
        let found = f64::from(exp2_negative(z)) / 32767.0;
        let expected = (-f64::from(z) / 2048.0).exp2();
        // The cubic's relative error, and what the final shift drops.
        let bound = 2e-4 * expected + 1.0 / 32767.0;
        assert!(
            (found - expected).abs() <= bound,
            "{z}: {found}, not {expected}"
        );
    }
    assert_eq!(exp2_negative(0), 32767);
}

/// The polynomials and the fixed point of GELU, every input, no sum past 16 bits.
#[test]
fn gelu_of_every_input() {
    let normal = |x: f64| 0.5 * (1.0 + libm::erf(x / 2f64.sqrt()));
    let tanh =
        |x: f64| 0.5 * (1.0 + (0.797_884_560_802_865_4 * (x + 0.044_715 * x * x * x)).tanh());
    for bits in 4..=12 {
        let one = f64::from(1 << bits);
        for u in i16::MIN as i32..=i16::MAX as i32 {
            let x = f64::from(u) / one;
            for (bump, phi) in [(&GELU_ERF, normal(x)), (&GELU_TANH, tanh(x))] {
                let found = f64::from(gelu(u, bits, bump)) / one;
                let bound = 1e-3 + 0.5 / one;
                assert!((found - x * phi).abs() <= bound, "{x} in {bits}: {found}");
            }
        }
    }
}

#[test]
fn softmax_is_that_of_real_numbers() {
    for (seed, keys) in [(1, 1), (2, 2), (3, 17), (4, 200)] {
        let shift = 12;
        let mut scores: Vec<i32> = numbers(seed).take(keys).map(|n| n >> 13).collect();
        let raw = scores.clone();
        let exponent = FixedMultiplier::new(0.4 / 8192.0);
        let scales = SoftmaxScales {
            shift,
            keys: &vec![(1 << 30) - 1; keys],
            exponent,
            values: &vec![VALUE_SCALE_ONE; keys],
        };
        let mut weights = vec![0; keys];
        let sum = softmax(&mut scores, &scales, &mut weights);
        // What a raw score is worth in powers of two.
        let step = f64::from(1 << shift) / 2.0 * 0.4 / 8192.0 / 2048.0;
        let largest = raw.iter().copied().fold(i32::MIN, i32::max);
        let exact: Vec<f64> = raw
            .iter()
            .map(|&s| (f64::from(s - largest) * step).exp2())
            .collect();
        let total: f64 = exact.iter().sum();
        assert!((f64::from(sum) / 32767.0 - total).abs() <= 1e-3 * total + keys as f64 / 3e4);
        // Dithered, a weight is rounded up or down.
        for (&weight, e) in weights.iter().zip(&exact) {
            let found = (f64::from(weight) + 128.0) / 255.0;
            assert!((found - e).abs() <= 1.05 / 255.0, "{found}, not {e}");
        }
    }
}

#[test]
fn many_small_weights_keep_their_sum() {
    let keys = 321;
    // One score, and 320 that are lower by what makes their weights 0.3 of a step each.
    let exponent = FixedMultiplier::new(0.25);
    let below = ((255.0f64 / 0.3).log2() * 2048.0 * 4.0 * 2.0) as i32;
    let mut scores = vec![-below; keys];
    scores[0] = 0;
    let scales = SoftmaxScales {
        shift: 0,
        keys: &vec![(1 << 30) - 1; keys],
        exponent,
        values: &vec![VALUE_SCALE_ONE; keys],
    };
    let mut weights = vec![0; keys];
    softmax(&mut scores, &scales, &mut weights);
    let sum: i32 = weights[1..].iter().map(|&w| i32::from(w) + 128).sum();
    let exact = 0.3 * (keys - 1) as f64;
    assert!(
        (f64::from(sum) - exact).abs() <= 0.1 * exact,
        "{sum}, not {exact}"
    );
}

#[test]
fn normalize_is_layer_norm() {
    for (seed, hidden, right_shift) in [(1, 14, 8), (2, 384, 12), (3, 24, 20), (4, 100, 5)] {
        let width = crate::shape::blocks(hidden);
        let mut row: Vec<i32> = numbers(seed)
            .map(|n| (n >> right_shift) - (1 << 20 >> (right_shift / 4)))
            .take(hidden)
            .collect();
        row.resize(width, 0);
        let real: Vec<f64> = row[..hidden].iter().map(|&v| f64::from(v)).collect();
        let mut gains: Vec<i32> = numbers(seed + 9).take(hidden).map(|g| g >> 1).collect();
        gains.resize(width, 0);
        let epsilon = 3.5;
        normalize(&mut row, hidden, &gains, epsilon);

        let mean = real.iter().sum::<f64>() / hidden as f64;
        let variance = real.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / hidden as f64;
        let root = (variance + f64::from(epsilon)).sqrt();
        for ((&found, v), &gain) in row.iter().zip(&real).zip(&gains) {
            let gain = f64::from(gain) / f64::from(1u32 << 31);
            let found = f64::from(found) / f64::from(1 << 22);
            // The mean is whole steps of the input.
            let bound = 1.0 / root + 1e-6 * (1.0 + (v - mean).abs() / root);
            let expected = (v - mean) / root * gain;
            assert!((found - expected).abs() <= bound, "{found}, not {expected}");
        }
        assert!(row[hidden..].iter().all(|&v| v == 0));
    }
}

#[test]
fn linear_is_a_dense_layer() {
    let (rows, columns, depth) = (3, 32, 48);
    let byte = |n: i32| (n >> 23) as u8 as i8;
    let values: Vec<i8> = numbers(1).map(byte).take(rows * depth).collect();
    let data: Vec<i8> = numbers(2).map(byte).take(columns * depth).collect();
    let weight = |column: usize, k: usize| {
        let block = column / BLOCK * (depth / BLOCK) + k / BLOCK;
        data[(block * BLOCK + column % BLOCK) * BLOCK + k % BLOCK]
    };
    let sum = |column| (0..depth).map(|k| i32::from(weight(column, k))).sum();
    let column_sums: Vec<i32> = (0..columns).map(sum).collect();
    let multipliers: Vec<i32> = numbers(3).take(columns).map(|n| n >> 1).collect();
    let biases: Vec<i32> = numbers(4)
        .take(columns)
        .map(|n| (n >> 8) - 4_000_000)
        .collect();
    let layer = Linear {
        groups: &[],
        weights: Matrix {
            data: &data,
            columns,
            depth,
            format: Format::Columns,
        },
        multipliers: &multipliers,
        column_sums: &column_sums,
        biases: &biases,
        scale: 200.0,
        unit: 1.0,
    };
    let scales: Vec<RowScale> = [(0.5, -127), (1.75, 0), (0.01, 90)]
        .map(|(scale, zero_point)| RowScale { scale, zero_point })
        .to_vec();
    let input = Activations {
        values: &values,
        width: depth,
        rows: &scales,
    };
    let mut out = vec![0; rows * 16];
    linear(&input, &layer, 16, &mut out, 16);
    for (row, scale) in scales.iter().enumerate() {
        for j in 0..16 {
            let column = 16 + j;
            let dot: i32 = (0..depth)
                .map(|k| {
                    let x = i32::from(values[row * depth + k]) - scale.zero_point;
                    x * i32::from(weight(column, k))
                })
                .sum();
            let multiplier = f64::from(multipliers[column]) / f64::from(1u32 << 31);
            let factor = f64::from(scale.scale) * 200.0 * multiplier;
            let expected = f64::from(dot) * factor + f64::from(biases[column]);
            let found = f64::from(out[row * 16 + j]);
            let bound = 2.0 + 1e-6 * expected.abs();
            assert!((found - expected).abs() <= bound, "{found}, not {expected}");
        }
    }
}

/// 12 bits, packed and unpacked: off by a step at most, by rounding and by narrowing.
#[test]
fn hidden_states_survive_quantization() {
    let row: Vec<i32> = numbers(1).take(32).map(|n| (n >> 4) - (1 << 26)).collect();
    let (low, high) = range(&row);
    let width = (high - low) as f32;
    let narrow = Requantizer::new(low.unsigned_abs().max(high.unsigned_abs()), 4064.0 / width);
    let zero_point = -127 - crate::fixed::round_shift(narrow.apply(low), 4);
    let (mut upper, mut lower) = ([0i8; 32], [0xffu8; 16]);
    quantize_hidden(&row, narrow, zero_point, &mut upper, &mut lower);
    let state = HiddenRow {
        high: &upper,
        low: &lower,
        scale: RowScale {
            scale: width / 254.0,
            zero_point,
        },
    };
    let mut sums = [1000i32; 32];
    // A restore of one half undone by a factor of four steps: units of 1/16 of a step of int8.
    let restore = [1 << 29; 32];
    let step = state.scale.scale / 16.0;
    let factor = FixedMultiplier::new(step / (1u32 << 17) as f32 * 4.0 / 4096.0);
    add_hidden(&state, &restore, factor, &mut sums);
    for (&sum, &v) in sums.iter().zip(&row) {
        let found = f64::from(sum - 1000) * 4096.0;
        let bound = 1.1 * f64::from(step) + 2.0 * 4096.0;
        assert!((found - f64::from(v)).abs() <= bound, "{found}, not {v}");
    }
}

#[test]
fn int8_rows_survive_quantization() {
    for bits in [3, 8, 15, 22, 30] {
        let row: Vec<i32> = numbers(bits).take(64).map(|n| n >> (31 - bits)).collect();
        let (low, high) = range(&row);
        let width = (high - low) as f32;
        let narrow = Requantizer::new(high as u32, 254.0 / width);
        let zero_point = -127 - narrow.apply(low);
        let mut out = [0i8; 64];
        quantize(&row, narrow, zero_point, &mut out);
        for (&q, &v) in out.iter().zip(&row) {
            let found = f64::from(i32::from(q) - zero_point) * f64::from(width) / 254.0;
            let bound = 0.52 * f64::from(width) / 254.0;
            assert!((found - f64::from(v)).abs() <= bound, "{found}, not {v}");
        }
    }
}
