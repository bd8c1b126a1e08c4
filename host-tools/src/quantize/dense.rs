//! Weights to int8 or int4, per output channel.

use super::grid::{Bits, Grid};
use super::rounding::{self, Inputs};
use crate::blob::writer::QuantizedDense;
use crate::checkpoint::Dense;
use embert::kernels::scalar::accumulator_shift;
use embert::{BLOCK, blocks};
use ndarray::ArrayView2;
use rayon::prelude::*;

/// Where channels stand once every group of them is padded to whole blocks.
#[derive(Clone, Copy, Debug)]
pub struct Channels {
    /// Groups (attention heads), 1 for plain channels.
    pub groups: usize,
    /// Channels of a group.
    pub size: usize,
}

impl Channels {
    pub fn plain(size: usize) -> Self {
        Channels { groups: 1, size }
    }

    /// Channels with padding.
    pub fn padded(self) -> usize {
        self.groups * blocks(self.size)
    }

    fn place(self, channel: usize) -> usize {
        channel / self.size * blocks(self.size) + channel % self.size
    }
}

/// Where the channels of a matrix stand.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub outputs: Channels,
    pub inputs: Channels,
}

/// What must not overflow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest scale an input row can have.
    pub input_scale: f64,
    /// The smallest unit that the users of the output allow.
    pub least_unit: f64,
}

impl Limits {
    /// Nothing but the scale of the input.
    pub fn input(input_scale: f64) -> Self {
        Limits {
            input_scale,
            least_unit: 0.0,
        }
    }

    /// The finest unit of the output that cannot overflow.
    fn unit(self, dense: &QuantizedDense) -> f64 {
        let weight = dense.scales.iter().fold(0.0f64, |m, &s| m.max(s.into()));
        let bias = dense.biases.iter().fold(0.0f64, |m, b| m.max(b.abs()));
        // The kernel's factor of a row must stay below one half.
        let shift = accumulator_shift(dense.depth);
        let product = self.input_scale * weight * 2.0 / f64::from(1u32 << shift);
        (product / 0.45)
            .max(bias / f64::from(1 << 28))
            .max(self.least_unit)
    }
}

/// Rounds a layer, its unit the finest that cannot overflow.
///
/// Its biases make up for what rounding the weights does to the mean of the outputs.
pub fn quantize(
    bits: Bits,
    dense: &Dense,
    layout: Layout,
    inputs: &Inputs,
    limits: Limits,
) -> QuantizedDense {
    let mut quantized = round(bits, dense, layout, inputs);
    quantized.unit = limits.unit(&quantized);
    quantized
}

/// The same with a given unit.
pub fn quantize_in(
    unit: f64,
    bits: Bits,
    dense: &Dense,
    layout: Layout,
    inputs: &Inputs,
) -> QuantizedDense {
    let mut quantized = round(bits, dense, layout, inputs);
    quantized.unit = unit;
    quantized
}

fn round(bits: Bits, dense: &Dense, layout: Layout, inputs: &Inputs) -> QuantizedDense {
    let (columns, depth) = (layout.outputs.padded(), layout.inputs.padded());
    let mut quantized = QuantizedDense {
        weights: vec![0; columns * depth],
        groups: match bits {
            Bits::Eight => Vec::new(),
            Bits::Four => vec![0; columns * depth / BLOCK],
        },
        columns,
        depth,
        scales: vec![0.0; columns],
        biases: vec![0.0; columns],
        unit: 0.0,
    };
    let weights = ArrayView2::from_shape((dense.outputs, dense.inputs), &dense.weight)
        .expect("a Dense holds outputs x inputs weights");
    let rows: Vec<&[f32]> = dense.weight.chunks_exact(dense.inputs).collect();
    let place = |input| layout.inputs.place(input);
    let grids: Vec<Grid> = rows
        .par_iter()
        .map(|row| Grid::best(bits, row, &inputs.variance, place))
        .collect();
    let rounded = rounding::round(&weights, &grids, inputs);
    for (channel, (row, rounded)) in rows.iter().zip(rounded.rows()).enumerate() {
        let column = layout.outputs.place(channel);
        let grid = &grids[channel];
        let mut bias = f64::from(dense.bias[channel]);
        for (input, ((&w, &q), mean)) in row.iter().zip(rounded).zip(&inputs.mean).enumerate() {
            bias += (f64::from(w) - f64::from(q) * grid.step) * mean;
            let place = column * depth + place(input);
            quantized.weights[place] = q;
            if let Some(multiplier) = grid.multiplier(input) {
                quantized.groups[place / BLOCK] = multiplier;
            }
        }
        quantized.scales[column] = grid.step as f32;
        quantized.biases[column] = bias;
    }
    quantized
}
