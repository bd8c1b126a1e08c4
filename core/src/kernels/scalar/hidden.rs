//! Hidden states in 12 bits.

use crate::fixed::{FixedMultiplier, Requantizer, mul_q31};
use crate::kernels::HiddenRow;
use crate::shape::BLOCK;

/// A half of a low byte.
fn nibble(low: u8, upper: bool) -> i32 {
    (if upper { low >> 4 } else { low & 15 }) as i32
}

pub fn add_hidden(row: &HiddenRow<'_>, restore: &[i32], factor: FixedMultiplier, sums: &mut [i32]) {
    let zero = row.scale.zero_point.wrapping_mul(16).wrapping_add(8);
    let blocks = row
        .high
        .chunks_exact(BLOCK)
        .zip(row.low.chunks_exact(BLOCK / 2));
    let outer = restore
        .chunks_exact(BLOCK)
        .zip(sums.chunks_exact_mut(BLOCK));
    for ((high, low), (restore, sums)) in blocks.zip(outer) {
        for i in 0..BLOCK {
            let value = high[i] as i32 * 16 + nibble(low[i % 8], i >= 8);
            let value = value.wrapping_sub(zero).wrapping_shl(17);
            sums[i] = sums[i].wrapping_add(factor.apply(mul_q31(value, restore[i])));
        }
    }
}

pub fn quantize_hidden(
    row: &[i32],
    narrow: Requantizer,
    zero_point: i32,
    high: &mut [i8],
    low: &mut [u8],
) {
    let zero = zero_point.wrapping_mul(16);
    let blocks = high
        .chunks_exact_mut(BLOCK)
        .zip(low.chunks_exact_mut(BLOCK / 2));
    for (row, (high, low)) in row.chunks_exact(BLOCK).zip(blocks) {
        for i in 0..BLOCK {
            let value = narrow.apply(row[i]).wrapping_add(zero).clamp(-2048, 2039) + 8;
            high[i] = (value >> 4) as i8;
            let nibble = (value & 15) as u8;
            if i < 8 {
                low[i] = nibble;
            } else {
                low[i - 8] |= nibble << 4;
            }
        }
    }
}
