//! Sums of a row that were added up in parts, to units of the layer's `unit`: a lane is a column.

use crate::blob::Linear;
use crate::fixed::FixedMultiplier;
use crate::kernels::RowScale;
use crate::kernels::scalar::{self, accumulator_shift, row_factor};
use core::arch::asm;

/// Numbers computed together.
const LANES: usize = 4;

pub fn requantize(row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
    let channels = first..first.saturating_add(row.len());
    let (Some(multipliers), Some(column_sums), Some(biases)) = (
        layer.multipliers.get(channels.clone()),
        layer.column_sums.get(channels.clone()),
        layer.biases.get(channels),
    ) else {
        return;
    };
    let rounds = row.len() / LANES;
    if rounds == 0 || !row.len().is_multiple_of(LANES) {
        return scalar::requantize(row, layer, first, scale);
    }
    let factor: FixedMultiplier = row_factor(scale.scale, layer);
    // SAFETY: each of the rounds reads and writes 4 numbers of the row and reads 4 of each of the
    // columns' slices, which have as many.
    unsafe {
        asm!(
            "dls lr, lr",
            "2:",
            "vldrw.u32 q1, [{column_sums}], #16",
            "vldrw.u32 q0, [{row}]",
            "vmla.s32 q0, q1, {zero}",
            "vldrw.u32 q1, [{multipliers}], #16",
            "vshl.s32 q0, {left}",
            "vqdmulh.s32 q0, q0, q1",
            "vldrw.u32 q1, [{biases}], #16",
            "vqdmulh.s32 q0, q0, {factor}",
            "vrshl.s32 q0, {right}",
            "vadd.i32 q0, q0, q1",
            "vstrw.32 q0, [{row}], #16",
            "le lr, 2b",
            row = inout(reg) row.as_mut_ptr() => _,
            column_sums = inout(reg) column_sums.as_ptr() => _,
            multipliers = inout(reg) multipliers.as_ptr() => _,
            biases = inout(reg) biases.as_ptr() => _,
            zero = in(reg) scale.zero_point.wrapping_neg(),
            left = in(reg) accumulator_shift(layer.weights.depth),
            factor = in(reg) factor.multiplier,
            right = in(reg) -(factor.shift as i32),
            inout("lr") rounds => _,
            out("q0") _,
            out("q1") _,
            options(nostack),
        );
    }
}
