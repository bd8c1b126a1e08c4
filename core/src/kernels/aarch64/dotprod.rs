//! The dot product extension (Cortex-A55, A76 and later): SDOT multiplies 16 pairs of bytes and
//! adds them in fours.
//!
//! Four rows by 16 columns. `LD4` deals out the words of four columns, so that each vector holds
//! the same four inputs of four columns, which are multiplied with one word of a row: each sum is
//! that of one column, and nothing is left to add up at the end.

use super::product::{self, BLOCK_BYTES, Finish, Operands, ROWS, Sums};
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
    product::product(operands, finish, |rows, weights| dot(rows, weights));
}

#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot(rows: [&[i8]; ROWS], weights: &[i8]) -> Sums<4> {
    let depth = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == depth) && weights.len() >= BLOCK * depth);
    let mut sums = [[vdupq_n_s32(0); 4]; ROWS];
    for step in 0..depth / BLOCK {
        // SAFETY: `step < depth / 16`: 16 bytes within each row.
        let inputs = rows.map(|row| unsafe { vld1q_s8(row.as_ptr().add(step * BLOCK)) });
        for group in 0..4 {
            let start = step * BLOCK_BYTES + group * 4 * BLOCK;
            // SAFETY: 64 bytes within block `step` of the column's `depth / 16`.
            let words = unsafe { vld4q_s32(weights.as_ptr().add(start).cast()) };
            for (sums, inputs) in sums.iter_mut().zip(inputs) {
                let sum = &mut sums[group];
                *sum = sdot::<0>(*sum, words.0, inputs);
                *sum = sdot::<1>(*sum, words.1, inputs);
                *sum = sdot::<2>(*sum, words.2, inputs);
                *sum = sdot::<3>(*sum, words.3, inputs);
            }
        }
    }
    sums
}

/// Adds the products of each word of `words` with word `WORD` of `inputs`.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot<const WORD: usize>(sum: int32x4_t, words: int32x4_t, inputs: int8x16_t) -> int32x4_t {
    let mut result = sum;
    // SAFETY: works on registers alone.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {words:v}.16b, {inputs:v}.4b[{word}]",
            sum = inout(vreg) result,
            words = in(vreg) words,
            inputs = in(vreg) inputs,
            word = const WORD,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    result
}
