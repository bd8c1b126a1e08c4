//! Training for the blob: the forward pass with its int8 or int4 (Jacob et al., arXiv 1712.05877,
//! section 3; the gradient passes through the rounding as if it were not there).
//!
//! Weights are rounded to what a blob can store, rows of activations as the engine does. The quantizer
//! does better by its search and its calibration, so the blob is rather closer to the model.

use crate::model::{Dense, Encoder, Head};
use crate::ops::round_weights;
use embert_tools::quantize::{Bits, Part};
use rayon::prelude::*;
use serde::Serialize;
use std::ops::Range;

/// What a blob stores in four bits; all else is of eight.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FakeQuant {
    pub int4: Vec<Part>,
}

impl FakeQuant {
    fn bits(&self, part: Part) -> Bits {
        match self.int4.contains(&part) {
            true => Bits::Four,
            false => Bits::Eight,
        }
    }

    /// Rounds all parameters that a batch of these word pieces needs.
    pub fn round(&self, encoder: &Encoder, head: &Head, ids: &[u32], values: &mut [f32]) {
        let (embeddings, bits) = (&encoder.embeddings, self.bits(Part::Embeddings));
        let width = encoder.config.rank.unwrap_or(encoder.config.hidden);
        let word = &mut values[embeddings.word.clone()];
        let mut wanted = ids.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let rows = word.par_chunks_exact_mut(width).enumerate();
        rows.filter(|(id, _)| wanted.binary_search(&(*id as u32)).is_ok())
            .for_each(|(_, row)| round_weights(row, width, bits));
        let hidden = encoder.config.hidden;
        round_matrix(bits, &embeddings.position, hidden, values);
        round_matrix(Bits::Eight, &embeddings.segment, hidden, values);
        let dense = |bits, dense: &Dense, values: &mut [f32]| {
            round_matrix(bits, &dense.weight, dense.inputs, values);
        };
        for layer in &encoder.layers {
            for (part, of) in [
                (Part::Attention, &layer.qkv),
                (Part::Attention, &layer.attention_output),
                (Part::FeedForward, &layer.intermediate),
                (Part::FeedForward, &layer.output),
            ] {
                dense(self.bits(part), of, values);
            }
        }
        let heads = [&head.pooler, &head.sequence, &head.tokens];
        let others = heads.into_iter().flatten().chain(&embeddings.projection);
        others.for_each(|of| dense(Bits::Eight, of, values));
    }
}

fn round_matrix(bits: Bits, range: &Range<usize>, width: usize, values: &mut [f32]) {
    round_weights(&mut values[range.clone()], width, bits);
}
