//! Readings as plain numbers, to be compared bit by bit.

use embert::kernels::InstructionSet;
use embert::{
    Engine, EngineOptions, Entities, Join, Model, Output, Prediction, TokenLabel, Workers,
};

use crate::blobs::Aligned;

/// Every number of a reading, floats by their bits.
pub fn bits(reading: &Prediction<'_>) -> Vec<u32> {
    let mut bits: Vec<u32> = match &reading.output {
        Output::Classes { probabilities, .. } => {
            probabilities.iter().map(|p| p.to_bits()).collect()
        }
        Output::Tokens { labels, entities } => of_tokens(labels, entities).collect(),
        Output::Embedding(vector) => vector.iter().map(|v| v.to_bits()).collect(),
        Output::Joint {
            probabilities,
            labels,
            entities,
        } => {
            let text = probabilities.iter().map(|p| p.to_bits());
            text.chain(of_tokens(labels, entities)).collect()
        }
        Output::Answer { span, null_score } => {
            let span = span
                .iter()
                .flat_map(|span| [span.start as u32, span.end as u32, span.score.to_bits()]);
            [null_score.to_bits()].into_iter().chain(span).collect()
        }
    };
    for token in reading.tokens {
        bits.extend([token.id, token.start, token.end]);
    }
    if let Some(cut) = reading.truncated {
        bits.extend([cut.needed as u32, cut.covered_a, cut.covered_b]);
    }
    bits
}

fn of_tokens(labels: &[TokenLabel], entities: &Entities<'_>) -> impl Iterator<Item = u32> {
    let labels = labels.iter().flat_map(|l| [l.label, l.score.to_bits()]);
    let entities = entities.clone().flat_map(|entity| {
        [
            entity.start as u32,
            entity.end as u32,
            entity.score.to_bits(),
        ]
    });
    labels.chain(entities)
}

/// A thread for every piece of work but one.
struct Threads;

impl Join for Threads {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        std::thread::scope(|scope| {
            scope.spawn(a);
            b();
        });
    }
}

/// How to run a text, besides the text: nothing of it may change the result.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub set: InstructionSet,
    pub tile: usize,
    pub workers: usize,
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
            workers: 1,
            tokens: model.shape().positions,
            fill: 0,
        }
    }

    /// What the engine is told of it.
    pub fn settings(&self) -> EngineOptions<'static> {
        EngineOptions {
            set: self.set,
            tile: self.tile,
            workers: Workers::new(&Threads, self.workers),
        }
    }

    /// Runs a text in a scratch of exactly the size planned.
    ///
    /// # Panics
    /// When the engine refuses the scratch or the text.
    pub fn run(&self, model: &Model<'_>, text: &str) -> Vec<u32> {
        let settings = self.settings();
        let plan = settings.plan(model.shape(), self.tokens);
        let mut scratch = Aligned::filled(plan.bytes(), self.fill);
        let mut engine = Engine::with(model, &mut scratch, settings).expect("planned");
        bits(&engine.run(text).expect("a text"))
    }

    /// The same of a pair.
    ///
    /// # Panics
    /// When the engine refuses the scratch or the pair.
    pub fn run_pair(&self, model: &Model<'_>, a: &str, b: &str) -> Vec<u32> {
        let settings = self.settings();
        let plan = settings.plan(model.shape(), self.tokens);
        let mut scratch = Aligned::filled(plan.bytes(), self.fill);
        let mut engine = Engine::with(model, &mut scratch, settings).expect("planned");
        bits(&engine.run_pair(a, b).expect("a pair"))
    }
}
