//! Readings as plain numbers, to be compared bit by bit.

use embert::kernels::InstructionSet;
use embert::memory::Plan;
use embert::{Engine, Model, Output, Reading};

use crate::blobs::Aligned;

/// Every number of a reading, floats by their bits.
pub fn bits(reading: &Reading<'_>) -> Vec<u32> {
    let mut bits: Vec<u32> = match &reading.output {
        Output::Classes { probabilities, .. } => {
            probabilities.iter().map(|p| p.to_bits()).collect()
        }
        Output::Tokens { labels, entities } => {
            let labels = labels.iter().flat_map(|l| [l.label, l.score.to_bits()]);
            let entities = entities.clone().flat_map(|entity| {
                [
                    entity.start as u32,
                    entity.end as u32,
                    entity.score.to_bits(),
                ]
            });
            labels.chain(entities).collect()
        }
        Output::Embedding(vector) => vector.iter().map(|v| v.to_bits()).collect(),
    };
    for token in reading.tokens {
        bits.extend([token.id, token.start, token.end]);
    }
    if let Some(cut) = reading.truncated {
        bits.extend([cut.needed as u32, cut.covered_a, cut.covered_b]);
    }
    bits
}

/// How to run a text, besides the text: nothing of it may change the result.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub set: InstructionSet,
    pub tile: usize,
    /// The limit of tokens that the scratch is made for.
    pub tokens: usize,
    /// What the scratch is filled with.
    pub fill: u8,
}

impl Setup {
    /// The definition: scalar kernels, whole texts.
    pub fn plain(model: &Model<'_>) -> Self {
        Setup {
            set: InstructionSet::SCALAR,
            tile: 4,
            tokens: model.shape().positions,
            fill: 0,
        }
    }

    /// Runs a text in a scratch of exactly the size planned.
    ///
    /// # Panics
    /// When the engine refuses the scratch or the text.
    pub fn run(&self, model: &Model<'_>, text: &str) -> Vec<u32> {
        let plan = Plan::new(model.shape(), self.tokens, self.tile);
        let mut scratch = Aligned::filled(plan.bytes(), self.fill);
        let mut engine = Engine::with(model, &mut scratch, self.set, self.tile).expect("planned");
        bits(&engine.run(text).expect("a text"))
    }
}
