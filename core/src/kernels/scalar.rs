//! The definition of every kernel, in plain Rust.

mod activation;
mod attention;
mod hidden;
mod normalize;
mod product;
mod quantize;
mod weights;

pub use activation::*;
pub use attention::*;
pub use hidden::*;
pub use normalize::*;
pub use product::*;
pub use quantize::*;
pub use weights::*;

use super::Kernels;

/// Plain Rust, on every machine.
pub(super) struct Scalar;

impl Kernels for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }
}

#[cfg(test)]
mod tests;
