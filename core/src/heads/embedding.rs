//! One vector for a text.

use super::pool;
use crate::encoder::Hidden;
use crate::kernels::InstructionSet;
use crate::memory::{Arena, OutOfScratch};
use crate::model::Model;
use crate::shape::Pooling;

/// The embedding of a text of `tokens` tokens, of length one if `normalize` says so.
pub(crate) fn embedding<'s>(
    set: InstructionSet,
    model: &Model<'_>,
    hidden: &Hidden<'_>,
    tokens: usize,
    normalize: bool,
    arena: &mut Arena<'s>,
) -> Result<&'s [f32], OutOfScratch> {
    let shape = model.shape();
    let vector: &mut [f32] = arena.take(shape.hidden)?;
    match (shape.pooling, model.head().pooler, model.head().readout) {
        (Pooling::Pooler, Some(pooler), _) => {
            let pooled = pool(set, &pooler, hidden, arena)?;
            for (out, &v) in vector.iter_mut().zip(pooled) {
                *out = v as f32 / 32767.0;
            }
        }
        (pooling, _, Some(readout)) => {
            let rows = if pooling == Pooling::Mean { tokens } else { 1 };
            let sums: &mut [i32] = arena.take(shape.hidden_blocks())?;
            sums.fill(0);
            let norm = model.last_norm();
            for row in 0..rows {
                hidden.add_to(set, row, &norm, readout.unit, sums);
            }
            for ((out, &sum), &shift) in vector.iter_mut().zip(&*sums).zip(readout.shift) {
                *out = (sum as f32 / rows as f32 + shift as f32) * readout.unit;
            }
        }
        // A blob without what its pooling needs does not parse.
        _ => vector.fill(0.0),
    }
    if normalize {
        let squares = vector.iter().fold(0.0, |sum, v| sum + v * v);
        // The floor is that of PyTorch's normalize.
        let length = libm::sqrtf(squares).max(1e-12);
        vector.iter_mut().for_each(|v| *v /= length);
    }
    Ok(vector)
}
