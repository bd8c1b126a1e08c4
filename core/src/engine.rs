//! Text in, labels out.

use crate::blob::flags;
use crate::encoder::TILE;
use crate::encoder::{self, Hidden, Pass};
use crate::heads::TokenLabel;
use crate::heads::{self, Entities, Span};
use crate::kernels::InstructionSet;
use crate::memory::{Arena, OutOfScratch, SCRATCH_ALIGNMENT};
use crate::model::Model;
use crate::plan::Plan;
use crate::shape::{HeadKind, Shape};
use crate::text::{EncodeError, Encoding, Token, Truncation};
use crate::workers::Workers;
use core::fmt;

/// Runs texts through a model, in a scratch of its own.
///
/// The scratch decides how long a text may be: see [`scratch_bytes`](crate::scratch_bytes).
/// A longer text is cut, and its [`Prediction`] says so; [`Windows`](crate::Windows) read all of it.
pub struct Engine<'m, 's> {
    model: Model<'m>,
    plan: Plan,
    set: InstructionSet,
    workers: Workers<'m>,
    scratch: &'s mut [u8],
}

/// How an engine computes; what it computes does not depend on it.
#[derive(Clone, Copy)]
pub struct EngineOptions<'w> {
    pub set: InstructionSet,
    /// Rows computed together: more are faster where caches are large, and need more scratch.
    pub tile: usize,
    pub workers: Workers<'w>,
}

impl EngineOptions<'_> {
    /// The plan of a scratch for texts of up to `tokens` tokens.
    pub fn plan(&self, shape: &Shape, tokens: usize) -> Plan {
        Plan::new(shape, tokens, self.tile.max(1), self.workers.count())
    }
}

impl Default for EngineOptions<'_> {
    /// The fastest kernels at hand, little memory, the caller alone.
    fn default() -> Self {
        EngineOptions {
            set: InstructionSet::detect(),
            tile: TILE,
            workers: Workers::ONE,
        }
    }
}

/// Why a scratch cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScratchError {
    /// It does not start at a multiple of [`SCRATCH_ALIGNMENT`] bytes.
    Misaligned,
    /// It is too small for even one piece of text.
    TooSmall { needed: usize, found: usize },
}

impl fmt::Display for ScratchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned => {
                write!(
                    f,
                    "the scratch must start at a multiple of {SCRATCH_ALIGNMENT} bytes"
                )
            }
            Self::TooSmall { needed, found } => {
                write!(
                    f,
                    "the scratch has {found} bytes, the shortest text needs {needed}"
                )
            }
        }
    }
}

impl core::error::Error for ScratchError {}

/// Why a text has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunError {
    Encode(EncodeError),
    /// The model has no second segment.
    NoPairs,
    /// Cannot happen to an engine: its scratch was checked.
    Scratch,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(error) => error.fmt(f),
            Self::NoPairs => f.write_str("the model has one segment: it cannot read text pairs"),
            Self::Scratch => f.write_str("the scratch is smaller than planned"),
        }
    }
}

impl core::error::Error for RunError {}

impl From<EncodeError> for RunError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<OutOfScratch> for RunError {
    fn from(_: OutOfScratch) -> Self {
        Self::Scratch
    }
}

/// What a model read in a text.
#[derive(Clone, Debug)]
pub struct Prediction<'e> {
    pub output: Output<'e>,
    /// Tokens read, `[CLS]` and `[SEP]` included.
    pub tokens: &'e [Token],
    /// What was cut off, if the text was too long.
    pub truncated: Option<Truncation>,
}

impl<'e> Prediction<'e> {
    /// The entities of the text; `None` where the model finds none.
    pub fn entities(&self) -> Option<Entities<'e>> {
        match &self.output {
            Output::Tokens { entities, .. } | Output::Joint { entities, .. } => {
                Some(entities.clone())
            }
            _ => None,
        }
    }

    /// The label of each token; none where tokens have no labels.
    pub fn labels(&self) -> &'e [TokenLabel] {
        match self.output {
            Output::Tokens { labels, .. } | Output::Joint { labels, .. } => labels,
            _ => &[],
        }
    }
}

/// The result of a head.
#[derive(Clone, Debug)]
pub enum Output<'e> {
    /// The probability of every label, in the model's order; they sum to one unless
    /// `multi_label`.
    Classes {
        probabilities: &'e [f32],
        multi_label: bool,
    },
    /// The label of every token, and the entities they make.
    Tokens {
        labels: &'e [TokenLabel],
        entities: Entities<'e>,
    },
    /// The embedding.
    Embedding(&'e [f32]),
    /// The probability of every label of the text, which sum to one, the label of every token, and
    /// the entities these make.
    Joint {
        probabilities: &'e [f32],
        labels: &'e [TokenLabel],
        entities: Entities<'e>,
    },
    /// The best answer in the context, `None` where there is no context: after
    /// [`Engine::run`], or where truncation left nothing of it.
    ///
    /// Where the null score is higher by more than a threshold of the caller's, the question has no
    /// answer there (SQuAD 2.0; Devlin et al., section 4.3).
    Answer { span: Option<Span>, null_score: f32 },
}

impl<'m, 's> Engine<'m, 's> {
    /// An engine for texts as long as the scratch allows, with the fastest kernels at hand.
    pub fn new(model: &Model<'m>, scratch: &'s mut [u8]) -> Result<Self, ScratchError> {
        Self::with(model, scratch, EngineOptions::default())
    }

    /// An engine with settings of one's own: the results are the same, time and the size of the
    /// scratch are not.
    pub fn with(
        model: &Model<'m>,
        scratch: &'s mut [u8],
        settings: EngineOptions<'m>,
    ) -> Result<Self, ScratchError> {
        if !scratch.as_ptr().addr().is_multiple_of(SCRATCH_ALIGNMENT) {
            return Err(ScratchError::Misaligned);
        }
        let (shape, found) = (model.shape(), scratch.len());
        let (tile, workers) = (settings.tile.max(1), settings.workers.count());
        let plan = Plan::largest(shape, found, tile, workers).ok_or_else(|| {
            let needed = Plan::new(shape, 3, tile, workers).bytes();
            ScratchError::TooSmall { needed, found }
        })?;
        Ok(Engine {
            model: *model,
            plan,
            set: settings.set,
            workers: settings.workers,
            scratch,
        })
    }

    pub fn model(&self) -> &Model<'m> {
        &self.model
    }

    /// The layout of the scratch; its `tokens` is the limit of a text.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Reads a text.
    pub fn run(&mut self, text: &str) -> Result<Prediction<'_>, RunError> {
        let model = self.model;
        self.read(&mut |tokens| model.tokenizer().encode(text, tokens))
    }

    /// Reads two texts together: a sentence and its next or what it entails, a question and the
    /// context that may answer it.
    pub fn run_pair(&mut self, a: &str, b: &str) -> Result<Prediction<'_>, RunError> {
        if self.model.shape().segments < 2 {
            return Err(RunError::NoPairs);
        }
        let model = self.model;
        self.read(&mut |tokens| model.tokenizer().encode_pair(a, b, tokens))
    }

    /// Reads as much of a text from byte `from` on as there is room for, which begins a character.
    pub(crate) fn run_from(&mut self, text: &str, from: usize) -> Result<Prediction<'_>, RunError> {
        let model = self.model;
        self.read(&mut |tokens| model.tokenizer().encode_from(text, from, tokens))
    }

    /// One function for all ways to make tokens: flash is dear.
    fn read(
        &mut self,
        tokenize: &mut dyn FnMut(&mut [Token]) -> Result<Encoding, EncodeError>,
    ) -> Result<Prediction<'_>, RunError> {
        let model = &self.model;
        let (set, plan, shape) = (self.set, &self.plan, model.shape());
        let mut arena = Arena::new(self.scratch);

        let tokens: &mut [Token] = arena.take(plan.tokens)?;
        let encoding = tokenize(tokens)?;
        let tokens = tokens.get(..encoding.len).ok_or(RunError::Scratch)?;

        let mut hidden = Hidden::take(&mut arena, plan.tokens, shape.hidden_blocks())?;
        let pass = Pass {
            set,
            shape,
            activation: model.header().activation,
            tiling: plan.tiling(),
            workers: self.workers,
            tokens: tokens.len(),
        };
        let segment_b = encoding.segment_b_start;
        encoder::encode(&pass, model, tokens, segment_b, &mut hidden, arena.phase())?;

        let arena = &mut arena;
        let output = match shape.head {
            HeadKind::SequenceClassification => {
                let multi_label = model.header().flag(flags::MULTI_LABEL);
                Output::Classes {
                    probabilities: heads::classify(set, model, &hidden, multi_label, arena)?,
                    multi_label,
                }
            }
            HeadKind::TokenClassification => {
                let labels = heads::label_tokens(set, model, &hidden, tokens, arena)?;
                Output::Tokens {
                    labels,
                    entities: Entities::new(model, tokens, labels),
                }
            }
            HeadKind::Embedding => {
                let normalize = model.header().flag(flags::NORMALIZE);
                let vector = heads::embedding(set, model, &hidden, tokens.len(), normalize, arena)?;
                Output::Embedding(vector)
            }
            HeadKind::Joint => {
                let probabilities = heads::classify(set, model, &hidden, false, arena)?;
                let labels = heads::label_tokens(set, model, &hidden, tokens, arena)?;
                Output::Joint {
                    probabilities,
                    labels,
                    entities: Entities::new(model, tokens, labels),
                }
            }
            HeadKind::Spans => {
                // All of the second text, without the `[SEP]` behind it.
                let context = segment_b..tokens.len().saturating_sub(1);
                let (span, null_score) =
                    heads::answer(set, model, &hidden, tokens, context, arena)?;
                Output::Answer { span, null_score }
            }
        };
        Ok(Prediction {
            output,
            tokens,
            truncated: encoding.truncated,
        })
    }
}
