//! From a float checkpoint to a blob of int8 or int4.

mod attention;
mod bounds;
mod calibration;
mod cholesky;
mod dense;
mod encoder;
mod grid;
mod header;
mod migration;
mod moments;
mod norm;
mod rounding;
mod tables;
mod texts;

pub use grid::{Bits, Grid};
pub use texts::calibration_ids;

use crate::blob::writer::Writer;
use crate::checkpoint::{self, Checkpoint, Dense, FloatHead};
use crate::reference::InputError;
use crate::tokenizer::{StoredTokenizer, TokenizerBuildError};
use calibration::Statistics;
use embert::Model;
use embert::blob::{CHECKSUM_FROM, Format, ParseError};
use embert::text::EncodeError;
use encoder::Encoder;
pub use header::shape;
use serde::Serialize;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum QuantizeError {
    #[error(transparent)]
    Tokenizer(#[from] TokenizerBuildError),
    #[error("a calibration text cannot be read: {0}")]
    Text(#[from] EncodeError),
    #[error("calibration failed: {0}")]
    Calibration(#[from] InputError),
    #[error("the blob would be larger than 4 GiB")]
    TooLarge,
    #[error("the model cannot be stored: {0}")]
    Unsupported(ParseError),
}

/// What to do besides the obvious.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Texts like those the model will read; none for the built-in ones.
    pub calibration: Vec<String>,
    /// Where the model came from and what its licence asks to be said; goes into the blob.
    pub about: String,
    /// How int8 weights are stored.
    pub format: Format,
    /// What is stored in int4.
    pub int4: Vec<Part>,
}

/// Parts of a model that can be int4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The tables of words and positions.
    Embeddings,
    /// The four matrices of attention.
    Attention,
    FeedForward,
}

impl Part {
    pub const ALL: [Self; 3] = [Part::Embeddings, Part::Attention, Part::FeedForward];
}

/// A step of the work, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This many steps lie ahead.
    Begin(usize),
    /// One is done.
    Done,
}

/// Quantizes a checkpoint into the bytes of a blob.
///
/// # Errors
/// When the tokenizer or the shape is past what a blob holds, or calibration texts are.
pub fn quantize(
    checkpoint: &Checkpoint,
    options: &Options,
    mut progress: impl FnMut(Step),
) -> Result<Vec<u8>, QuantizeError> {
    let model = &checkpoint.model;
    let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer)?;
    let texts = calibration_ids(checkpoint, &tokenizer.reader()?, &options.calibration)?;
    let vocabulary = tokenizer.section();

    progress(Step::Begin(texts.len() + model.layers.len()));
    let statistics = Statistics::collect(model, &texts, || progress(Step::Done))?;

    let labels = header::label_section(checkpoint);
    let mut writer = Writer::new(options.format);
    writer.bytes(&header::header(
        checkpoint,
        &options.int4,
        vocabulary,
        labels.len(),
        options.about.len(),
    ));
    writer.bytes(&vocabulary.bytes);
    writer.bytes(&labels);
    writer.bytes(options.about.as_bytes());
    let encoder = Encoder::new(checkpoint, &statistics, &options.int4, &vocabulary.order);
    encoder.write(&mut writer, || progress(Step::Done));

    let mut blob = writer.into_bytes();
    let length = u32::try_from(blob.len()).map_err(|_| QuantizeError::TooLarge)?;
    blob[12..16].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&blob[CHECKSUM_FROM..]);
    blob[16..20].copy_from_slice(&checksum.to_le_bytes());
    let mapped = crate::blob::AlignedBytes::copy(&blob);
    Model::parse(&mapped).map_err(QuantizeError::Unsupported)?;
    Ok(blob)
}

/// Whether a head reads the pooler.
fn needs_pooler(head: &FloatHead) -> bool {
    match head {
        FloatHead::SequenceClassification { .. } | FloatHead::Joint { .. } => true,
        FloatHead::TokenClassification { .. } | FloatHead::Spans { .. } => false,
        FloatHead::Embedding { pooling, .. } => *pooling == checkpoint::Pooling::Pooler,
    }
}

fn pooler(checkpoint: &Checkpoint) -> Option<&Dense> {
    checkpoint
        .model
        .pooler
        .as_ref()
        .filter(|_| needs_pooler(&checkpoint.head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use embert_tests::tiny::{self, Flavour};

    #[test]
    fn blobs_are_the_same_for_any_number_of_threads() -> anyhow::Result<()> {
        for tiny in tiny::ALL {
            let folder = tempfile::tempdir()?;
            tiny.write(folder.path(), Flavour::usual(&tiny))?;
            let checkpoint = Checkpoint::open(folder.path(), None)?;
            let blob = |threads| -> anyhow::Result<Vec<u8>> {
                let pool = rayon::ThreadPoolBuilder::new();
                let pool = pool.num_threads(threads).build()?;
                Ok(pool.install(|| quantize(&checkpoint, &Options::default(), |_| {}))?)
            };
            let one = blob(1)?;
            for threads in [2, 5] {
                assert!(blob(threads)? == one, "{}, {threads} threads", tiny.name);
            }
        }
        Ok(())
    }
}
