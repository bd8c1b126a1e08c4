//! The matrix extension (Cortex-A510, A715, Neoverse V1 and later): SMMLA multiplies two rows of
//! eight bytes with two columns of eight.
//!
//! Four rows by 16 columns. `LD4` deals out the halves of four columns: even and odd columns go
//! into vectors of their own, and so do their sums, so that zipping these puts a row's four
//! columns in order.

use super::product::{self, BLOCK_BYTES, Finish, Operands, ROWS, Sums};
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
    product::product(operands, finish, |rows, weights| dot(rows, weights));
}

#[inline]
#[target_feature(enable = "neon,i8mm")]
fn dot(rows: [&[i8]; ROWS], weights: &[i8]) -> Sums<4> {
    let depth = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == depth) && weights.len() >= BLOCK * depth);
    // Of two rows each.
    let mut even = [[vdupq_n_s32(0); 4]; ROWS / 2];
    let mut odd = even;
    for step in 0..depth / BLOCK {
        // SAFETY: `step < depth / 16`: 16 bytes within each row.
        let [a, b, c, d] =
            rows.map(|row| unsafe { vld1q_s64(row.as_ptr().add(step * BLOCK).cast()) });
        let low = [vzip1q_s64(a, b), vzip1q_s64(c, d)];
        let high = [vzip2q_s64(a, b), vzip2q_s64(c, d)];
        for group in 0..4 {
            let start = step * BLOCK_BYTES + group * 4 * BLOCK;
            // SAFETY: 64 bytes within block `step` of the column's `depth / 16`.
            let halves = unsafe { vld4q_s64(weights.as_ptr().add(start).cast()) };
            for pair in 0..ROWS / 2 {
                even[pair][group] = smmla(even[pair][group], low[pair], halves.0);
                even[pair][group] = smmla(even[pair][group], high[pair], halves.1);
                odd[pair][group] = smmla(odd[pair][group], low[pair], halves.2);
                odd[pair][group] = smmla(odd[pair][group], high[pair], halves.3);
            }
        }
    }
    let first = |pair: usize| core::array::from_fn(|i| vzip1q_s32(even[pair][i], odd[pair][i]));
    let second = |pair: usize| core::array::from_fn(|i| vzip2q_s32(even[pair][i], odd[pair][i]));
    [first(0), second(0), first(1), second(1)]
}

/// Adds the products of two rows with two columns: `[r0 c0, r0 c1, r1 c0, r1 c1]`.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn smmla(sum: int32x4_t, rows: int64x2_t, columns: int64x2_t) -> int32x4_t {
    let mut result = sum;
    // SAFETY: works on registers alone.
    unsafe {
        asm!(
            "smmla {sum:v}.4s, {rows:v}.16b, {columns:v}.16b",
            sum = inout(vreg) result,
            rows = in(vreg) rows,
            columns = in(vreg) columns,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    result
}
