//! Cortex-A and other 64-bit Arm cores: NEON, which all of them have, and the two extensions that
//! multiply bytes faster. Chosen at run time where `std` can tell, else when firmware is built.
//!
//! The sets differ in their matrix products only, so all are one type.

mod dotprod;
mod i8mm;
mod neon;
mod product;

use super::{Activations, HiddenRow, Kernels, SoftmaxScales, scalar};
use crate::blob::{Linear, Matrix};
use crate::fixed::{Factor, Narrow};
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
    /// Every row with every column, on a machine that has the instructions.
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
}
