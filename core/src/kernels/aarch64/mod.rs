//! Cortex-A and other 64-bit Arm cores: NEON, which all of them have, and the two extensions that
//! multiply bytes faster. Chosen at run time where `std` can tell, else when firmware is built.
//!
//! The sets differ in their matrix products only, so all are one type. What compilers make of the
//! definition is good enough where nothing is said of an operation.
//!
//! Firmware that has turned on cached memory should tell the compiler, which reads byte by byte
//! else: `-C target-feature=-strict-align`.

mod activate;
mod dotprod;
mod expand;
mod hidden;
mod i8mm;
mod neon;
mod product;
mod rows;
mod softmax;
mod values;
mod vectors;

use super::{Activations, HiddenRow, Kernels, SoftmaxScales, scalar};
use crate::blob::{Linear, Matrix};
use crate::fixed::{FixedMultiplier, Requantizer};
use crate::shape::Activation;
use product::{Finish, Operands};

/// SMULL and SMLAL2: pairs of products in 16 bits.
pub static NEON: Set = Set {
    name: "neon",
    is_available: || true,
    product: neon::product,
};

/// SDOT: sums of four products in 32 bits.
pub static DOTPROD: Set = Set {
    name: "dotprod",
    is_available: dotprod::is_available,
    product: dotprod::product,
};

/// SMMLA: two rows by two columns, eight products each.
pub static I8MM: Set = Set {
    name: "i8mm",
    is_available: i8mm::is_available,
    product: i8mm::product,
};

/// A set.
pub struct Set {
    name: &'static str,
    is_available: fn() -> bool,
    /// Every row with every column; the machine must have the instructions.
    product: unsafe fn(Operands<'_>, Finish<'_>),
}

impl Kernels for Set {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_available(&self) -> bool {
        (self.is_available)()
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        match Operands::new(a, b, 0, out, out_width) {
            // SAFETY: a set is only used where the machine has its instructions.
            Some(operands) => unsafe { (self.product)(operands, Finish::Raw) },
            None => scalar::matmul(a, b, out, out_width),
        }
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        let finish = Finish::new(input, layer, first, out_width);
        match (
            finish,
            Operands::new(input.values, &layer.weights, first, out, out_width),
        ) {
            // SAFETY: a set is only used where the machine has its instructions.
            (Some(finish), Some(operands)) => unsafe { (self.product)(operands, finish) },
            _ => scalar::linear(input, layer, first, out, out_width),
        }
    }

    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        // SAFETY: every machine of this architecture has NEON, here and below.
        unsafe { softmax::softmax(scores, scales, out) }
    }

    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        // SAFETY: as above.
        unsafe { activate::activate(kind, fraction_bits, input, out) }
    }

    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        // SAFETY: as above.
        unsafe { hidden::normalize(row, hidden, gains, epsilon) }
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        // SAFETY: as above.
        unsafe { expand::expand(nibbles, multipliers, out) }
    }

    fn add_hidden(
        &self,
        row: &HiddenRow<'_>,
        restore: &[i32],
        factor: FixedMultiplier,
        sums: &mut [i32],
    ) {
        // SAFETY: as above.
        unsafe { hidden::add_hidden(row, restore, factor, sums) }
    }

    fn quantize_hidden(
        &self,
        row: &[i32],
        narrow: Requantizer,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        // SAFETY: as above.
        unsafe { hidden::quantize_hidden(row, narrow, zero_point, high, low) }
    }

    fn quantize(&self, row: &[i32], narrow: Requantizer, out: &mut [i8]) {
        // SAFETY: as above.
        unsafe { rows::quantize(row, narrow, out) }
    }

    fn quantize_activated(
        &self,
        row: &[i16],
        narrow: Requantizer,
        zero_point: i32,
        out: &mut [i8],
    ) {
        // SAFETY: as above.
        unsafe { rows::quantize_activated(row, narrow, zero_point, out) }
    }

    fn scale_down(&self, row: &[i8], ratio: i16, out: &mut [i8]) {
        // SAFETY: as above.
        unsafe { rows::scale_down(row, ratio, out) }
    }

    fn range(&self, row: &[i32]) -> (i32, i32) {
        // SAFETY: as above.
        unsafe { rows::range(row) }
    }

    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        // SAFETY: as above.
        unsafe { rows::range_activated(row) }
    }

    fn max_abs(&self, row: &[i32]) -> u32 {
        // SAFETY: as above.
        unsafe { rows::max_abs(row) }
    }

    fn pack_values(
        &self,
        rows: &[i8],
        first: usize,
        depth: usize,
        out: &mut [i8],
        sums: &mut [i32],
    ) {
        // SAFETY: as above.
        unsafe { values::pack(rows, first, depth, out, sums) }
    }
}
