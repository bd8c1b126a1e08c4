//! The matrix extension (Cortex-A510, A715, Neoverse V1 and later): SMMLA multiplies two rows of
//! eight bytes with two columns of eight.
//!
//! Four rows by 16 columns. `LD4` deals out the halves of four columns: even and odd columns go
//! into vectors of their own, and so do their sums, so that zipping these puts a row's four
//! columns in order.

use super::product::{self, Finish, Operands, ROWS, Sums, for_inputs};
use crate::shape::BLOCK;
use core::arch::aarch64::*;
use core::arch::asm;

pub fn is_available() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_aarch64_feature_detected!("i8mm");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "i8mm");
}

#[target_feature(enable = "neon,i8mm")]
pub fn product(operands: Operands<'_>, finish: Finish<'_>) {
    product::product(operands, finish, |rows| move |weights| dot(rows, weights));
}

#[inline]
#[target_feature(enable = "neon,i8mm")]
fn dot(rows: [&[i8]; ROWS], weights: &[i8]) -> Sums {
    assert!(weights.len() == BLOCK * rows[0].len());
    let mut weights = weights.as_ptr();
    let mut groups = [[vdupq_n_s32(0); 4]; BLOCK / 4];
    for_inputs(rows, |inputs| {
        let [a, b, c, d] = inputs.map(|row| vreinterpretq_s64_s8(row));
        let pairs = [
            [vzip1q_s64(a, b), vzip2q_s64(a, b)],
            [vzip1q_s64(c, d), vzip2q_s64(c, d)],
        ];
        let [a, b, c, d] = &mut groups;
        for sums in [a, b, c, d] {
            // SAFETY: 16 inputs go with 256 weights, four times 64.
            unsafe { add_products(sums, pairs, &mut weights) };
        }
    });
    [
        groups.map(|[even, odd, ..]| vzip1q_s32(even, odd)),
        groups.map(|[even, odd, ..]| vzip2q_s32(even, odd)),
        groups.map(|[.., even, odd]| vzip1q_s32(even, odd)),
        groups.map(|[.., even, odd]| vzip2q_s32(even, odd)),
    ]
}

/// Adds the products of 16 inputs of each row with those of four columns, which it moves past.
///
/// `pairs` holds two rows each, halves of 8 inputs apart; a sum is
/// `[row 0 column 0, row 0 column 2, row 1 column 0, row 1 column 2]`, then that of the columns
/// 1 and 3, then both of the rows 2 and 3.
///
/// # Safety
/// 64 bytes of weights must be there.
#[inline]
#[target_feature(enable = "neon,i8mm")]
unsafe fn add_products(
    sums: &mut [int32x4_t; 4],
    pairs: [[int64x2_t; 2]; 2],
    weights: &mut *const i8,
) {
    // SAFETY: the caller vouches for the weights; nothing else is read or written.
    unsafe {
        asm!(
            "ld4 {{v16.2d, v17.2d, v18.2d, v19.2d}}, [{weights}], #64",
            "smmla {s0:v}.4s, {low0:v}.16b, v16.16b",
            "smmla {s1:v}.4s, {low0:v}.16b, v18.16b",
            "smmla {s2:v}.4s, {low1:v}.16b, v16.16b",
            "smmla {s3:v}.4s, {low1:v}.16b, v18.16b",
            "smmla {s0:v}.4s, {high0:v}.16b, v17.16b",
            "smmla {s1:v}.4s, {high0:v}.16b, v19.16b",
            "smmla {s2:v}.4s, {high1:v}.16b, v17.16b",
            "smmla {s3:v}.4s, {high1:v}.16b, v19.16b",
            s0 = inout(vreg) sums[0],
            s1 = inout(vreg) sums[1],
            s2 = inout(vreg) sums[2],
            s3 = inout(vreg) sums[3],
            low0 = in(vreg) pairs[0][0],
            high0 = in(vreg) pairs[0][1],
            low1 = in(vreg) pairs[1][0],
            high1 = in(vreg) pairs[1][1],
            weights = inout(reg) *weights,
            out("v16") _,
            out("v17") _,
            out("v18") _,
            out("v19") _,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
}
