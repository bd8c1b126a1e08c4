//! BERT in 32-bit floats: what every quantized result is measured against.
//!
//! The forward pass follows Devlin et al., "BERT" (2019), section 3, and Vaswani et al.,
//! "Attention Is All You Need" (2017), section 3, operation by operation. One text at a time,
//! without padding. It agrees with PyTorch `transformers` to 1e-4 (`tests/golden`).

mod encoder;
mod head;

pub use encoder::{InputError, Observation, Site, encode};
pub use head::{Output, apply_head, best_span};

use crate::checkpoint::Checkpoint;

/// The states of the last layer and what the head makes of them.
#[derive(Clone, Debug)]
pub struct Forward {
    /// `[tokens x hidden]`
    pub hidden: ndarray::Array2<f32>,
    pub output: Output,
}

/// Runs the whole model over one text of `ids`, `[CLS]` and `[SEP]` included, of which those from
/// `segment_b` on are the second text of a pair.
///
/// # Errors
/// When there are no ids, too many of them, or one the model has no embedding for.
pub fn forward(
    checkpoint: &Checkpoint,
    ids: &[u32],
    segment_b: usize,
) -> Result<Forward, InputError> {
    let segments: Vec<u32> = (0..ids.len())
        .map(|at| u32::from(at >= segment_b))
        .collect();
    let hidden = encode(&checkpoint.model, ids, &segments, &mut |_| {})?;
    let output = apply_head(&checkpoint.model, &checkpoint.head, &hidden);
    Ok(Forward { hidden, output })
}
