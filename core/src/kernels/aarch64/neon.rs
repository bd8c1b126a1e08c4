//! NEON alone (Cortex-A53, A72): SMULL and SMLAL2 multiply 16 pairs of bytes and add them in
//! twos, in 16 bits.
//!
//! Two products do not fit there where all four factors are -128. Tiles without such pairs, which
//! are nearly all, take three instructions for 16 multiplications; in the others each product is
//! added by itself, in 32 bits.

use super::product::{self, Finish, Operands, ROWS, Sums, for_inputs};
use crate::shape::BLOCK;
use core::arch::aarch64::*;
use core::arch::asm;
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
    assert!(weights.len() == BLOCK * rows[0].len());
    assert!(first + 4 <= BLOCK);
    let mut weights = weights[first * BLOCK..].as_ptr();
    let mut sums = [[vdupq_n_s32(0); 4]; ROWS];
    for_inputs(rows, |inputs| {
        // SAFETY: 16 inputs go with a block of 256 weights, 64 of which are these columns'.
        let columns: [int8x16_t; 4] =
            core::array::from_fn(|column| unsafe { vld1q_s8(weights.add(column * BLOCK)) });
        weights = weights.wrapping_add(BLOCK * BLOCK);
        for (sums, inputs) in sums.iter_mut().zip(inputs) {
            match PAIRS {
                true => add_pairs(sums, inputs, columns),
                false => add_products(sums, inputs, columns),
            }
        }
    });
    sums.map(|[a, b, c, d]| vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)))
}

/// Adds the products of a row's 16 inputs with those of four columns.
#[inline]
#[target_feature(enable = "neon")]
fn add_products(sums: &mut [int32x4_t; 4], inputs: int8x16_t, columns: [int8x16_t; 4]) {
    for (sum, column) in sums.iter_mut().zip(columns) {
        *sum = vpadalq_s16(*sum, vmull_s8(vget_low_s8(inputs), vget_low_s8(column)));
        *sum = vpadalq_s16(*sum, vmull_high_s8(inputs, column));
    }
}

/// The same where the sum of two products fits 16 bits; by hand, because compilers mix up the rows
/// for speed until the registers do not suffice.
#[inline]
#[target_feature(enable = "neon")]
fn add_pairs(sums: &mut [int32x4_t; 4], inputs: int8x16_t, columns: [int8x16_t; 4]) {
    // SAFETY: works on registers alone.
    unsafe {
        asm!(
            "smull {t0:v}.8h, {i:v}.8b, {c0:v}.8b",
            "smull {t1:v}.8h, {i:v}.8b, {c1:v}.8b",
            "smull {t2:v}.8h, {i:v}.8b, {c2:v}.8b",
            "smull {t3:v}.8h, {i:v}.8b, {c3:v}.8b",
            "smlal2 {t0:v}.8h, {i:v}.16b, {c0:v}.16b",
            "smlal2 {t1:v}.8h, {i:v}.16b, {c1:v}.16b",
            "smlal2 {t2:v}.8h, {i:v}.16b, {c2:v}.16b",
            "smlal2 {t3:v}.8h, {i:v}.16b, {c3:v}.16b",
            "sadalp {s0:v}.4s, {t0:v}.8h",
            "sadalp {s1:v}.4s, {t1:v}.8h",
            "sadalp {s2:v}.4s, {t2:v}.8h",
            "sadalp {s3:v}.4s, {t3:v}.8h",
            i = in(vreg) inputs,
            c0 = in(vreg) columns[0],
            c1 = in(vreg) columns[1],
            c2 = in(vreg) columns[2],
            c3 = in(vreg) columns[3],
            s0 = inout(vreg) sums[0],
            s1 = inout(vreg) sums[1],
            s2 = inout(vreg) sums[2],
            s3 = inout(vreg) sums[3],
            t0 = out(vreg) _,
            t1 = out(vreg) _,
            t2 = out(vreg) _,
            t3 = out(vreg) _,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
}
