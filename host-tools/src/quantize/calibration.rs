//! What activations look like on real text: the float model watched at its sites.

use super::moments::Moments;
use crate::checkpoint::FloatModel;
use crate::reference::{self, InputError, Site};
use ndarray::{Array2, Axis, concatenate};
use rayon::prelude::*;

/// Tokens whose activations are held at once.
const BATCH: usize = 512;

/// Places of a layer: context, output of the attention's norm, activated intermediate states,
/// output.
const PLACES: usize = 4;

/// The inputs of every matrix of a model.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// The embeddings, then [`PLACES`] a layer.
    places: Vec<Moments>,
    /// Per layer: the largest input of the activation function.
    largest: Vec<f32>,
}

/// What one text showed.
struct Seen {
    places: Vec<Array2<f32>>,
    largest: Vec<f32>,
}

impl Statistics {
    /// Runs the float model over texts already turned into ids.
    pub fn collect(
        model: &FloatModel,
        texts: &[Vec<u32>],
        mut progress: impl FnMut(),
    ) -> Result<Self, InputError> {
        let layers = model.layers.len();
        let tokens = texts.iter().map(Vec::len).sum();
        let widths = (0..=PLACES * layers).map(|place| match place % PLACES {
            3 => model.intermediate,
            _ => model.hidden,
        });
        let mut statistics = Statistics {
            places: widths.map(|width| Moments::new(width, tokens)).collect(),
            largest: vec![0.0; layers],
        };
        for batch in batches(texts) {
            let seen: Vec<Seen> = batch
                .par_iter()
                .map(|ids| watch(model, ids))
                .collect::<Result<_, _>>()?;
            statistics.add(&seen);
            batch.iter().for_each(|_| progress());
        }
        Ok(statistics)
    }

    /// Every place by itself, the texts in their order: sums are the same for any number of
    /// threads.
    fn add(&mut self, seen: &[Seen]) {
        self.places
            .par_iter_mut()
            .enumerate()
            .for_each(|(place, moments)| {
                let rows: Vec<_> = seen.iter().map(|seen| seen.places[place].view()).collect();
                let rows = concatenate(Axis(0), &rows).expect("texts have the model's widths");
                moments.add(&rows.view());
            });
        for seen in seen {
            for (largest, &v) in self.largest.iter_mut().zip(&seen.largest) {
                *largest = largest.max(v);
            }
        }
    }

    /// The states that go into layer `index`, or into the head after the last.
    pub fn states(&self, index: usize) -> &Moments {
        &self.places[PLACES * index]
    }

    pub fn context(&self, layer: usize) -> &Moments {
        &self.places[PLACES * layer + 1]
    }

    /// The states between attention and feed-forward network.
    pub fn middle(&self, layer: usize) -> &Moments {
        &self.places[PLACES * layer + 2]
    }

    /// What comes out of the activation function.
    pub fn activated(&self, layer: usize) -> &Moments {
        &self.places[PLACES * layer + 3]
    }

    /// The largest input of the activation function.
    pub fn largest_intermediate(&self, layer: usize) -> f32 {
        self.largest[layer]
    }
}

/// Texts in groups of about [`BATCH`] tokens.
fn batches(texts: &[Vec<u32>]) -> impl Iterator<Item = &[Vec<u32>]> {
    let mut tokens = 0;
    texts.chunk_by(move |text, _| {
        tokens += text.len();
        let full = tokens >= BATCH;
        tokens = if full { 0 } else { tokens };
        !full
    })
}

fn watch(model: &FloatModel, ids: &[u32]) -> Result<Seen, InputError> {
    let mut seen = Seen {
        places: Vec::new(),
        largest: Vec::new(),
    };
    let segments = vec![0; ids.len()];
    reference::encode(
        model,
        ids,
        &segments,
        &mut |observation| match observation.site {
            Site::EmbeddingOutput
            | Site::Context
            | Site::AttentionNormOutput
            | Site::IntermediateOutput
            | Site::OutputNormOutput => seen.places.push(observation.values.to_owned()),
            Site::IntermediateInput => {
                let largest = observation
                    .values
                    .iter()
                    .fold(0.0f32, |m, v| m.max(v.abs()));
                seen.largest.push(largest);
            }
            Site::Query | Site::Key | Site::Value => {}
        },
    )?;
    Ok(seen)
}
