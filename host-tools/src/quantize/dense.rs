//! Weights to int8, per output channel.

use crate::blob::writer::QuantizedDense;
use crate::checkpoint::Dense;
use embert::blocks;
use embert::kernels::scalar::accumulator_shift;

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

/// What must not overflow.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest scale an input row can have.
    pub input_scale: f64,
    /// The smallest unit that the users of the output allow.
    pub least_unit: f64,
}

/// Rounds a folded layer to int8 and chooses the unit of its output: the finest that cannot
/// overflow. A fixed `unit` is taken as it is.
pub fn quantize(
    dense: &Dense,
    outputs: Channels,
    inputs: Channels,
    limits: Limits,
    unit: Option<f64>,
) -> QuantizedDense {
    let (columns, depth) = (outputs.padded(), inputs.padded());
    let mut quantized = QuantizedDense {
        weights: vec![0; columns * depth],
        columns,
        depth,
        scales: vec![0.0; columns],
        biases: vec![0.0; columns],
        unit: 0.0,
    };
    for (channel, row) in dense.weight.chunks_exact(dense.inputs).enumerate() {
        let column = outputs.place(channel);
        let largest = row.iter().fold(1e-9f32, |m, w| m.max(w.abs()));
        let scale = largest / 127.0;
        quantized.scales[column] = scale;
        quantized.biases[column] = dense.bias[channel].into();
        for (input, &w) in row.iter().enumerate() {
            let at = column * depth + inputs.place(input);
            quantized.weights[at] = (w / scale).round().clamp(-127.0, 127.0) as i8;
        }
    }
    quantized.unit = unit.unwrap_or_else(|| {
        let weight = quantized.scales.iter().fold(0.0f64, |m, &s| m.max(s.into()));
        let bias = quantized.biases.iter().fold(0.0f64, |m, b| m.max(b.abs()));
        // The kernel's factor of a row must stay below one half.
        let product = limits.input_scale * weight * 2.0 / f64::from(1u32 << accumulator_shift(depth));
        (product / 0.45).max(bias / f64::from(1 << 28)).max(limits.least_unit)
    });
    quantized
}
