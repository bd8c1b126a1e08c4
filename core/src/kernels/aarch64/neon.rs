//! NEON alone (Cortex-A53, A72): SMULL and SMLAL2 multiply 16 pairs of bytes and add them in
//! twos, in 16 bits.
//!
//! Two products do not fit there where all four factors are -128. Hardly any weights have one, so
//! where neither or only one of the matrices does, three instructions do 16 multiplications; else
//! each product is added by itself, in 32 bits.

use super::product::{self, Finish, Operands, ROWS, Sums};
use crate::shape::BLOCK;
use core::arch::aarch64::*;

#[target_feature(enable = "neon")]
pub fn product(operands: Operands<'_>, finish: Finish<'_>) {
    if has_least(operands.a) && has_least(operands.weights) {
        product::product(operands, finish, |rows, weights| dot::<false>(rows, weights));
    } else {
        product::product(operands, finish, |rows, weights| dot::<true>(rows, weights));
    }
}

fn has_least(bytes: &[i8]) -> bool {
    bytes.iter().fold(0, |least, &byte| least.min(byte)) == i8::MIN
}

/// Dot products of four rows with 16 columns; whether `PAIRS` of products fit 16 bits.
#[inline]
#[target_feature(enable = "neon")]
fn dot<const PAIRS: bool>(rows: [&[i8]; ROWS], weights: &[i8]) -> Sums {
    let mut sums = [[vdupq_n_s32(0); BLOCK / 4]; ROWS];
    for group in 0..BLOCK / 4 {
        let columns = dot_columns::<PAIRS>(rows, weights, group * 4);
        for (sums, columns) in sums.iter_mut().zip(columns) {
            sums[group] = columns;
        }
    }
    sums
}

/// Dot products of four rows with four columns, from `first` on.
#[inline]
#[target_feature(enable = "neon")]
fn dot_columns<const PAIRS: bool>(
    rows: [&[i8]; ROWS],
    weights: &[i8],
    first: usize,
) -> [int32x4_t; ROWS] {
    let depth = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == depth) && weights.len() == BLOCK * depth);
    assert!(first + 4 <= BLOCK);
    let mut sums = [[vdupq_n_s32(0); 4]; ROWS];
    let mut step = |start: usize| {
        let place = (start + first) * BLOCK;
        // SAFETY: `start < depth`, both multiples of 16: these columns' bytes in the block that
        // starts at `start * 16`, and 16 bytes of each row below.
        let columns: [int8x16_t; 4] = core::array::from_fn(|column| unsafe {
            vld1q_s8(weights.as_ptr().add(place + column * BLOCK))
        });
        for (sums, row) in sums.iter_mut().zip(rows) {
            // SAFETY: as above.
            let inputs = unsafe { vld1q_s8(row.as_ptr().add(start)) };
            for (sum, &column) in sums.iter_mut().zip(&columns) {
                *sum = add::<PAIRS>(*sum, inputs, column);
            }
        }
    };
    for start in (0..depth / (2 * BLOCK)).map(|pair| pair * 2 * BLOCK) {
        step(start);
        step(start + BLOCK);
    }
    if !depth.is_multiple_of(2 * BLOCK) {
        step(depth - BLOCK);
    }
    sums.map(|[a, b, c, d]| vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)))
}

/// Adds 16 products to the four parts of a sum.
#[inline]
#[target_feature(enable = "neon")]
fn add<const PAIRS: bool>(sum: int32x4_t, inputs: int8x16_t, weights: int8x16_t) -> int32x4_t {
    let low = vmull_s8(vget_low_s8(inputs), vget_low_s8(weights));
    if PAIRS {
        vpadalq_s16(sum, vmlal_high_s8(low, inputs, weights))
    } else {
        vpadalq_s16(vpadalq_s16(sum, low), vmull_high_s8(inputs, weights))
    }
}
