//! What activations look like on real text: the float model watched at its sites.

use crate::checkpoint::Checkpoint;
use crate::reference::{self, InputError, Observation, Site};

/// Largest magnitudes seen, per channel where channels are scaled one by one.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// Per LayerNorm in the order of the model (embeddings, then two a layer): each channel's
    /// largest distance from the norm's shift.
    pub norms: Vec<Vec<f32>>,
    /// Per layer: the largest input of the activation function.
    pub intermediate: Vec<f32>,
}

impl Statistics {
    /// Runs the float model over texts already turned into ids.
    pub fn collect(
        checkpoint: &Checkpoint,
        texts: &[Vec<u32>],
        mut progress: impl FnMut(),
    ) -> Result<Self, InputError> {
        let model = &checkpoint.model;
        let layers = model.layers.len();
        let mut statistics = Statistics {
            norms: vec![vec![0.0; model.hidden]; 1 + 2 * layers],
            intermediate: vec![0.0; layers],
        };
        for ids in texts {
            let segments = vec![0; ids.len()];
            reference::encode(model, ids, &segments, &mut |seen| statistics.see(checkpoint, &seen))?;
            progress();
        }
        Ok(statistics)
    }

    fn see(&mut self, checkpoint: &Checkpoint, seen: &Observation<'_>) {
        let model = &checkpoint.model;
        let (norm, shift) = match seen.site {
            Site::EmbeddingOutput => (0, &model.embedding_norm.beta),
            Site::AttentionNormOutput => {
                (1 + 2 * seen.layer, &model.layers[seen.layer].attention_norm.beta)
            }
            Site::OutputNormOutput => {
                (2 + 2 * seen.layer, &model.layers[seen.layer].output_norm.beta)
            }
            Site::IntermediateInput => {
                let largest = &mut self.intermediate[seen.layer];
                *largest = seen.values.iter().fold(*largest, |m, v| m.max(v.abs()));
                return;
            }
            _ => return,
        };
        for row in seen.values.rows() {
            for ((largest, &v), &shift) in self.norms[norm].iter_mut().zip(row).zip(shift) {
                *largest = largest.max((v - shift).abs());
            }
        }
    }
}
