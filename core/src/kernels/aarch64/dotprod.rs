//! The dot product extension (Cortex-A55, A76 and later): SDOT multiplies 16 pairs of bytes and
//! adds them in fours.
//!
//! Four rows by 16 columns. `LD4` deals out the words of four columns, so that each vector holds
//! the same four inputs of four columns, which are multiplied with one word of a row: each sum is
//! that of one column, and nothing is left to add up at the end.

use super::product::{self, Finish, Operands, ROWS, Sums, for_inputs};
use crate::shape::BLOCK;
use core::arch::aarch64::*;
use core::arch::asm;

pub fn is_available() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_aarch64_feature_detected!("dotprod");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "dotprod");
}

#[target_feature(enable = "neon,dotprod")]
pub fn product(operands: Operands<'_>, finish: Finish<'_>) {
    product::product(operands, finish, |rows| move |weights| dot(rows, weights));
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot(rows: [&[i8]; ROWS], weights: &[i8]) -> Sums {
    assert!(weights.len() == BLOCK * rows[0].len());
    let mut weights = weights.as_ptr();
    let mut groups = [[vdupq_n_s32(0); ROWS]; BLOCK / 4];
    for_inputs(rows, |inputs| {
        let [a, b, c, d] = &mut groups;
        for sums in [a, b, c, d] {
            // SAFETY: 16 inputs go with 256 weights, four times 64.
            unsafe { add_products(sums, inputs, &mut weights) };
        }
    });
    core::array::from_fn(|row| groups.map(|sums| sums[row]))
}

/// Adds the products of 16 inputs of each row with those of four columns, which it moves past.
///
/// # Safety
/// 64 bytes of weights must be there.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn add_products(
    sums: &mut [int32x4_t; ROWS],
    inputs: [int8x16_t; ROWS],
    weights: &mut *const i8,
) {
    // SAFETY: the caller vouches for the weights; nothing else is read or written.
    unsafe {
        asm!(
            "ld4 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{weights}], #64",
            "sdot {s0:v}.4s, v16.16b, {i0:v}.4b[0]",
            "sdot {s1:v}.4s, v16.16b, {i1:v}.4b[0]",
            "sdot {s2:v}.4s, v16.16b, {i2:v}.4b[0]",
            "sdot {s3:v}.4s, v16.16b, {i3:v}.4b[0]",
            "sdot {s0:v}.4s, v17.16b, {i0:v}.4b[1]",
            "sdot {s1:v}.4s, v17.16b, {i1:v}.4b[1]",
            "sdot {s2:v}.4s, v17.16b, {i2:v}.4b[1]",
            "sdot {s3:v}.4s, v17.16b, {i3:v}.4b[1]",
            "sdot {s0:v}.4s, v18.16b, {i0:v}.4b[2]",
            "sdot {s1:v}.4s, v18.16b, {i1:v}.4b[2]",
            "sdot {s2:v}.4s, v18.16b, {i2:v}.4b[2]",
            "sdot {s3:v}.4s, v18.16b, {i3:v}.4b[2]",
            "sdot {s0:v}.4s, v19.16b, {i0:v}.4b[3]",
            "sdot {s1:v}.4s, v19.16b, {i1:v}.4b[3]",
            "sdot {s2:v}.4s, v19.16b, {i2:v}.4b[3]",
            "sdot {s3:v}.4s, v19.16b, {i3:v}.4b[3]",
            s0 = inout(vreg) sums[0],
            s1 = inout(vreg) sums[1],
            s2 = inout(vreg) sums[2],
            s3 = inout(vreg) sums[3],
            i0 = in(vreg) inputs[0],
            i1 = in(vreg) inputs[1],
            i2 = in(vreg) inputs[2],
            i3 = in(vreg) inputs[3],
            weights = inout(reg) *weights,
            out("v16") _,
            out("v17") _,
            out("v18") _,
            out("v19") _,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
}
