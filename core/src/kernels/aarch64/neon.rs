//! NEON alone (Cortex-A53, A72): SMULL and SMLAL2 multiply 16 pairs of bytes and add them in
//! twos, in 16 bits.
//!
//! Two products do not fit there where all four factors are -128. Tiles without such pairs, which
//! are nearly all, take three instructions for 16 multiplications; in the others each product is
//! added by itself, in 32 bits.

use super::product::{self, Finish, Operands, ROWS, Sums, steps};
use crate::shape::BLOCK;
use core::arch::aarch64::*;
use core::cell::OnceCell;

#[target_feature(enable = "neon")]
pub fn product(operands: Operands<'_>, finish: Finish<'_>) {
    let weights = operands.weights;
    let in_weights = OnceCell::new();
    product::product(operands, finish, |rows| {
        let in_rows = rows.iter().any(|row| has_least_pair(row));
        let fit = !in_rows || !in_weights.get_or_init(|| has_least_pair(weights));
        move |weights| match fit {
            true => dot::<true>(rows, weights),
            false => dot::<false>(rows, weights),
        }
    });
}

/// Whether any 16 bytes, among those that are multiplied and added in twos, have two of -128.
#[target_feature(enable = "neon")]
fn has_least_pair(bytes: &[i8]) -> bool {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let mut least = vdup_n_s8(0);
    for block in blocks {
        // SAFETY: 16 bytes.
        let block = unsafe { vld1q_s8(block.as_ptr()) };
        least = vmin_s8(least, vmax_s8(vget_low_s8(block), vget_high_s8(block)));
    }
    vminv_s8(least) == i8::MIN
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
    steps(depth, |start| {
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
    });
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
