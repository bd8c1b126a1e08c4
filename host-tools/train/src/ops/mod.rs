//! The arithmetic of training: each operation forward and backward, on slices of rows.
//!
//! Backward functions add to the gradients of parameters and write those of inputs. Sums over rows
//! are taken in one order whatever the number of threads, so that a run can be repeated bit for
//! bit.

mod activation;
mod attention;
mod dropout;
mod embedding;
mod exp;
mod loss;
mod matmul;
mod norm;
mod relations;
mod rounding;
mod rows;

pub use activation::{activate, activate_backward, tanh, tanh_backward};
pub use attention::{Heads, attend, attend_backward};
pub use dropout::Dropout;
pub use embedding::{gather, scatter};
pub use exp::sigmoid;
pub use loss::{
    binary_cross_entropy, cross_entropy, soft_cross_entropy, span_cross_entropy, squared_error,
};
pub use matmul::{Matrix, MatrixMut, linear, linear_backward, product};
pub use norm::{Normalized, layer_norm, layer_norm_backward};
pub use relations::relations;
pub use rounding::{Steps, round_rows, round_weights};
pub use rows::{add, sum_rows};

/// Elements a thread takes at a time.
const CHUNK: usize = 1 << 13;

/// Runs a loop compiled for the widest vectors of this processor; only what is inlined into it is, so
/// closures of some length say that they are.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
