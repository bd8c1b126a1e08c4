//! x86-64 kernels, chosen at run time.

pub mod avx2;
pub mod avx512;
mod old;
mod product;

use crate::blob::Matrix;
use crate::shape::BLOCK;

/// Whether all slices are as long as the product needs; the kernels index without checks.
fn fits(a: &[i8], b: &Matrix<'_>, first: usize, out: &[i32], out_width: usize) -> bool {
    let rows = a.len().checked_div(b.depth).unwrap_or(0);
    rows > 0
        && b.depth.is_multiple_of(BLOCK)
        && first.is_multiple_of(BLOCK)
        && out_width.is_multiple_of(BLOCK)
        && first + out_width <= b.columns
        && b.data.len() >= b.columns * b.depth
        && out.len() >= rows * out_width
}
