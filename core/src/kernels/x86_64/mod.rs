//! x86-64 kernels, chosen at run time.

pub mod avx2;
pub mod avx512;
mod expand;
mod product;

use super::scalar::DITHER;
use crate::blob::Matrix;
use crate::shape::BLOCK;

/// The dither of attention weights, less 128 where their 7 lowest bits are cut off.
const WEIGHT_OFFSETS: [i16; BLOCK] = {
    let (mut offsets, mut i) = ([0; BLOCK], 0);
    while i < BLOCK {
        offsets[i] = (DITHER[i] - (128 << 7)) as i16;
        i += 1;
    }
    offsets
};

/// Whether all slices are as long as the product needs; the kernels index without checks.
fn fits(a: &[i8], b: &Matrix<'_>, first: usize, out: &[i32], out_width: usize) -> bool {
    let rows = a.len().checked_div(b.depth).unwrap_or(0);
    rows > 0
        && b.depth.is_multiple_of(BLOCK)
        && first.is_multiple_of(BLOCK)
        && out_width.is_multiple_of(BLOCK)
        && first + out_width <= b.columns
        && b.data.len() >= b.columns * b.depth
        && (rows.checked_mul(out_width)).is_some_and(|sums| sums <= out.len())
}
