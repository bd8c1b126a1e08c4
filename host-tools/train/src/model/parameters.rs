//! All parameters of a model as one vector, and where its tensors lie.

use crate::ops::{linear, linear_backward};
use crate::random::Random;
use std::ops::Range;

/// Parameters in the order in which the model was made.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    pub values: Vec<f32>,
    /// What weight decay is for: matrices, not biases and LayerNorms.
    pub decaying: Vec<Range<usize>>,
}

impl Parameters {
    /// Room for a tensor of zeros.
    fn add(&mut self, len: usize) -> Range<usize> {
        let start = self.values.len();
        self.values.resize(start + len, 0.0);
        start..start + len
    }

    /// Room for a matrix or table, subject to weight decay.
    pub fn matrix(&mut self, rows: usize, columns: usize) -> Range<usize> {
        let range = self.add(rows * columns);
        self.decaying.push(range.clone());
        range
    }

    pub fn vector(&mut self, len: usize) -> Range<usize> {
        self.add(len)
    }

    /// Draws matrices from a normal distribution of this deviation, cut off at twice of it (Devlin
    /// et al.'s code); all that is not a matrix is left as it is.
    pub fn draw(&mut self, deviation: f32, seed: u64) {
        let mut random = Random(seed);
        for range in &self.decaying {
            draw(&mut self.values[range.clone()], deviation, &mut random);
        }
    }

    /// The same for one matrix.
    pub fn draw_matrix(&mut self, range: &Range<usize>, deviation: f32, seed: u64) {
        let values = &mut self.values[range.clone()];
        draw(values, deviation, &mut Random(seed));
    }
}

fn draw(values: &mut [f32], deviation: f32, random: &mut Random) {
    for value in values {
        *value = deviation * truncated(random);
    }
}

/// A random number of a normal distribution, by the method of Box and Muller, within two deviations.
fn truncated(random: &mut Random) -> f32 {
    loop {
        let radius = (-2.0 * (1.0 - random.uniform()).ln()).sqrt();
        let value = radius * (std::f32::consts::TAU * random.uniform()).cos();
        if value.abs() <= 2.0 {
            return value;
        }
    }
}

/// A dense layer: `[outputs x inputs]` weights and a bias.
#[derive(Clone, Debug)]
pub struct Dense {
    pub weight: Range<usize>,
    pub bias: Range<usize>,
    pub inputs: usize,
    pub outputs: usize,
}

impl Dense {
    pub fn new(inputs: usize, outputs: usize, parameters: &mut Parameters) -> Self {
        Dense {
            weight: parameters.matrix(outputs, inputs),
            bias: parameters.vector(outputs),
            inputs,
            outputs,
        }
    }

    /// `out` gets a row of outputs for each row of inputs.
    pub fn forward(&self, values: &[f32], x: &[f32], out: &mut Vec<f32>) {
        out.resize(x.len() / self.inputs * self.outputs, 0.0);
        linear(
            x,
            &values[self.weight.clone()],
            &values[self.bias.clone()],
            out,
        );
    }

    /// Adds to the parameters' gradients; `dx` is the input's, if it is wanted, written or added
    /// to.
    pub fn backward(
        &self,
        values: &[f32],
        x: &[f32],
        dout: &[f32],
        dx: Option<(&mut [f32], bool)>,
        gradient: &mut [f32],
    ) {
        let (weight, bias) = (&self.weight, &self.bias);
        let (before, after) = gradient.split_at_mut(bias.start);
        let parts = [&mut before[weight.clone()], &mut after[..bias.len()]];
        linear_backward(x, &values[weight.clone()], dout, dx, parts);
    }
}

/// A LayerNorm.
#[derive(Clone, Debug)]
pub struct Norm {
    pub gamma: Range<usize>,
    pub beta: Range<usize>,
}

impl Norm {
    pub fn new(width: usize, parameters: &mut Parameters) -> Self {
        let norm = Norm {
            gamma: parameters.vector(width),
            beta: parameters.vector(width),
        };
        parameters.values[norm.gamma.clone()].fill(1.0);
        norm
    }

    /// The gradients of gamma and beta, which lie one after the other.
    pub fn gradients<'a>(&self, gradient: &'a mut [f32]) -> [&'a mut [f32]; 2] {
        let both = &mut gradient[self.gamma.start..self.beta.end];
        let (gamma, beta) = both.split_at_mut(self.gamma.len());
        [gamma, beta]
    }
}
