//! From a float checkpoint to an int8 blob.

mod bounds;
mod calibration;
mod dense;
mod migration;
mod tables;

use crate::blob::vocabulary::{self, VocabularyBuildError};
use crate::blob::writer::{QuantizedDense, QuantizedNorm, Writer};
use crate::checkpoint::{
    self, Checkpoint, Dense, FloatHead, FloatModel, Layer, LayerNorm, TokenizerSpec,
};
use crate::reference::InputError;
use calibration::Statistics;
use dense::{Channels, Limits};
use embert::blob::{CHECKSUM_FROM, HEADER_LEN, MAGIC, ParseError, VERSION, flags};
use embert::text::{Normalizer, Token, Tokenizer, TokenizerParts, Vocabulary};
use embert::{HeadKind, Model, Pooling};
use thiserror::Error;

/// Texts that calibrate a model when the user gives none.
const DEFAULT_TEXTS: &str = include_str!("calibration.txt");

/// Sequences of random pieces that calibrate a model besides: the default texts may not be
/// written in its language.
const RANDOM_SEQUENCES: usize = 16;

/// Longest calibration text, in tokens.
const CALIBRATION_TOKENS: usize = 128;

#[derive(Debug, Error)]
pub enum QuantizeError {
    #[error(transparent)]
    Vocabulary(#[from] VocabularyBuildError),
    #[error("the tokenizer cannot be stored: {0}")]
    Tokenizer(String),
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
    let spec = &checkpoint.tokenizer;
    let added: Vec<vocabulary::AddedToken> = spec
        .added_tokens
        .iter()
        .map(|token| vocabulary::AddedToken {
            id: token.id,
            in_model: token.in_model,
        })
        .collect();
    let section = vocabulary::build(&spec.pieces, &added)?;
    let texts = calibration_texts(checkpoint, &section, &options.calibration)?;

    progress(Step::Begin(texts.len() + model.layers.len()));
    let statistics = Statistics::collect(checkpoint, &texts, || progress(Step::Done))?;

    let labels = label_section(&checkpoint.labels);
    let mut writer = Writer::default();
    writer.bytes(&header(checkpoint, section.len(), labels.len(), options.about.len()));
    writer.bytes(&section);
    writer.bytes(&labels);
    writer.bytes(options.about.as_bytes());
    Encoder { checkpoint, statistics, progress: &mut || progress(Step::Done) }.write(&mut writer);

    let mut blob = writer.into_bytes();
    let length = u32::try_from(blob.len()).map_err(|_| QuantizeError::TooLarge)?;
    blob[12..16].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&blob[CHECKSUM_FROM..]);
    blob[16..20].copy_from_slice(&checksum.to_le_bytes());
    let mapped = crate::blob::AlignedBytes::copy(&blob);
    Model::parse(&mapped).map_err(QuantizeError::Unsupported)?;
    Ok(blob)
}

fn calibration_texts(
    checkpoint: &Checkpoint,
    section: &[u8],
    given: &[String],
) -> Result<Vec<Vec<u32>>, QuantizeError> {
    let model = &checkpoint.model;
    let tokenizer = tokenizer(&checkpoint.tokenizer, section)?;
    let mut tokens = vec![Token::default(); CALIBRATION_TOKENS.min(model.positions())];
    let mut ids_of = |text: &str| -> Result<Vec<u32>, QuantizeError> {
        let encoding = tokenizer
            .encode(text, &mut tokens)
            .map_err(|error| QuantizeError::Tokenizer(error.to_string()))?;
        Ok(tokens[..encoding.len].iter().map(|token| token.id).collect())
    };
    if !given.is_empty() {
        return given.iter().map(|text| ids_of(text)).collect();
    }
    let mut texts: Vec<Vec<u32>> = DEFAULT_TEXTS.lines().map(ids_of).collect::<Result<_, _>>()?;
    // A small linear congruential generator: the same blob every time.
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for _ in 0..RANDOM_SEQUENCES {
        let length = 32.min(model.positions());
        let mut ids: Vec<u32> = (0..length).map(|_| random(model.vocabulary()) as u32).collect();
        ids[0] = checkpoint.tokenizer.cls;
        ids[length - 1] = checkpoint.tokenizer.sep;
        texts.push(ids);
    }
    Ok(texts)
}

fn tokenizer<'a>(spec: &TokenizerSpec, section: &'a [u8]) -> Result<Tokenizer<'a>, QuantizeError> {
    let unsupported = |error: String| QuantizeError::Tokenizer(error);
    let vocabulary = Vocabulary::parse(section).map_err(|error| unsupported(error.to_string()))?;
    Tokenizer::new(TokenizerParts {
        vocabulary,
        normalizer: Normalizer {
            clean_text: spec.clean_text,
            handle_chinese_chars: spec.handle_chinese_chars,
            strip_accents: spec.strip_accents,
            lowercase: spec.lowercase,
        },
        cls: spec.cls,
        sep: spec.sep,
        unk: spec.unk,
        max_word_chars: spec.max_input_chars_per_word,
    })
    .map_err(|error| unsupported(error.to_string()))
}

fn label_section(labels: &[String]) -> Vec<u8> {
    let ends = labels.iter().scan(0, |end, label| {
        *end += label.len() as u32;
        Some(*end)
    });
    let mut section: Vec<u8> = ends.flat_map(u32::to_le_bytes).collect();
    section.extend(labels.concat().as_bytes());
    section
}

/// Whether a head reads the pooler.
fn needs_pooler(head: &FloatHead) -> bool {
    match head {
        FloatHead::SequenceClassification { .. } => true,
        FloatHead::TokenClassification { .. } => false,
        FloatHead::Embedding { pooling, .. } => *pooling == checkpoint::Pooling::Pooler,
    }
}

fn pooler(checkpoint: &Checkpoint) -> Option<&Dense> {
    checkpoint.model.pooler.as_ref().filter(|_| needs_pooler(&checkpoint.head))
}

/// The bytes of [`embert::Header`], length and checksum left open.
fn header(checkpoint: &Checkpoint, vocabulary: usize, labels: usize, about: usize) -> Vec<u8> {
    let (model, spec) = (&checkpoint.model, &checkpoint.tokenizer);
    let (head, pooling, mut bits) = match &checkpoint.head {
        FloatHead::SequenceClassification { multi_label, .. } => {
            let bits = if *multi_label { flags::MULTI_LABEL } else { 0 };
            (HeadKind::SequenceClassification, Pooling::Cls, bits)
        }
        FloatHead::TokenClassification { .. } => {
            (HeadKind::TokenClassification, Pooling::Cls, 0)
        }
        FloatHead::Embedding { pooling, normalize } => {
            let pooling = match pooling {
                checkpoint::Pooling::Mean => Pooling::Mean,
                checkpoint::Pooling::Cls => Pooling::Cls,
                checkpoint::Pooling::Pooler => Pooling::Pooler,
            };
            let bits = if *normalize { flags::NORMALIZE } else { 0 };
            (HeadKind::Embedding, pooling, bits)
        }
    };
    for (set, bit) in [
        (spec.lowercase, flags::LOWERCASE),
        (spec.strip_accents, flags::STRIP_ACCENTS),
        (spec.clean_text, flags::CLEAN_TEXT),
        (spec.handle_chinese_chars, flags::HANDLE_CHINESE_CHARS),
        (pooler(checkpoint).is_some(), flags::POOLER),
    ] {
        bits |= if set { bit } else { 0 };
    }
    let activation = match model.activation {
        checkpoint::Activation::GeluErf => 0,
        checkpoint::Activation::GeluTanh => 1,
        checkpoint::Activation::Relu => 2,
    };

    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend([head as u8, activation, pooling as u8, bits]);
    let numbers = [
        model.layers.len(),
        model.hidden,
        model.heads,
        model.intermediate,
        model.vocabulary(),
        model.positions(),
        model.segments(),
        checkpoint.labels.len(),
        spec.unk as usize,
        spec.cls as usize,
        spec.sep as usize,
        spec.pad.map_or(usize::MAX, |id| id as usize),
        spec.mask.map_or(usize::MAX, |id| id as usize),
        spec.max_input_chars_per_word,
        vocabulary,
        labels,
        about,
    ];
    bytes.extend(numbers.iter().flat_map(|&n| (n as u32).to_le_bytes()));
    bytes.resize(HEADER_LEN, 0);
    bytes
}

/// A LayerNorm with what its output is divided by.
struct Migrated<'a> {
    norm: &'a LayerNorm,
    scales: Vec<f32>,
}

impl Migrated<'_> {
    fn fold(&self, dense: &Dense) -> Dense {
        migration::fold(dense, &self.norm.beta, &self.scales)
    }

    /// The largest scale a row of the output can have in int8.
    fn row_scale(&self) -> f64 {
        let root = (self.scales.len() as f64).sqrt();
        let gains = self.norm.gamma.iter().zip(&self.scales).map(|(g, s)| f64::from(g / s));
        2.0 * root * gains.fold(0.0, f64::max) / 254.0 * 1.05
    }

    /// A bound of the output's distance from its shift.
    fn bound(&self) -> f64 {
        let root = (self.scales.len() as f64).sqrt();
        root * self.norm.gamma.iter().fold(0.0, |m: f64, &g| m.max(f64::from(g.abs())))
    }

    /// The smallest unit in which the output can be added to sums of at most `other`.
    fn residual_unit(&self, other: f64) -> f64 {
        let restore = self.scales.iter().fold(0.0, |m: f64, &s| m.max(f64::from(s.abs())));
        // The kernel's factor of a residual must stay below one half, and sums within 25 bits,
        // so that those of their squares stay within 64.
        let factor = self.row_scale() / 16.0 * restore * 2.0 / f64::from(1 << 17) / 0.45;
        factor.max((other + self.bound()) / f64::from(1 << 25))
    }

    fn quantized(&self, input_unit: f64) -> QuantizedNorm {
        let pairs = self.norm.gamma.iter().zip(&self.scales);
        QuantizedNorm {
            gains: pairs.map(|(&g, &s)| f64::from(g) / f64::from(s)).collect(),
            restore: self.scales.iter().map(|&s| s.into()).collect(),
            epsilon: f64::from(self.norm.epsilon) / (input_unit * input_unit),
        }
    }
}

/// Writes the tensors of a model in the order of the blob.
struct Encoder<'a> {
    checkpoint: &'a Checkpoint,
    statistics: Statistics,
    progress: &'a mut dyn FnMut(),
}

impl<'a> Encoder<'a> {
    fn write(self, writer: &mut Writer) {
        let model = &self.checkpoint.model;
        let mut input = self.migrate(0, &model.embedding_norm, self.readers(0));
        write_embeddings(model, &input, writer);
        for (index, layer) in model.layers.iter().enumerate() {
            let middle = self.migrate(1 + 2 * index, &layer.attention_norm, vec![&layer.intermediate]);
            let output = self.migrate(2 + 2 * index, &layer.output_norm, self.readers(index + 1));
            let largest = self.statistics.intermediate[index];
            write_layer(model, layer, largest, &input, &middle, &output, writer);
            input = output;
            (self.progress)();
        }
        write_head(self.checkpoint, &input, writer);
    }

    /// The matrices that read the states going into layer `index`, or into the head.
    fn readers(&self, index: usize) -> Vec<&'a Dense> {
        let checkpoint = self.checkpoint;
        if let Some(layer) = checkpoint.model.layers.get(index) {
            return vec![&layer.query, &layer.key, &layer.value];
        }
        match (pooler(checkpoint), &checkpoint.head) {
            (Some(pooler), _) => vec![pooler],
            (
                None,
                FloatHead::TokenClassification { classifier }
                | FloatHead::SequenceClassification { classifier, .. },
            ) => vec![classifier],
            (None, FloatHead::Embedding { .. }) => vec![],
        }
    }

    fn migrate(&self, norm: usize, layer: &'a LayerNorm, readers: Vec<&Dense>) -> Migrated<'a> {
        let scales = migration::scales(layer, &self.statistics.norms[norm], &readers);
        Migrated {
            norm: layer,
            scales,
        }
    }
}

fn write_embeddings(model: &FloatModel, norm: &Migrated<'_>, writer: &mut Writer) {
    let tables = [
        &model.word_embeddings[..],
        &model.position_embeddings,
        &model.segment_embeddings,
    ];
    let unit = tables::common_unit(&tables);
    for table in tables {
        writer.table(&tables::quantize(table, model.hidden, unit));
    }
    writer.norm(&norm.quantized(unit));
}

fn write_layer(
    model: &FloatModel,
    layer: &Layer,
    largest_intermediate: f32,
    input: &Migrated<'_>,
    middle: &Migrated<'_>,
    output: &Migrated<'_>,
    writer: &mut Writer,
) {
    let hidden = Channels::plain(model.hidden);
    let intermediate = Channels::plain(model.intermediate);
    let heads = Channels {
        groups: model.heads,
        size: model.head_width(),
    };
    let limits = |input_scale, least_unit| Limits {
        input_scale,
        least_unit,
    };

    let from_input = limits(input.row_scale(), 0.0);
    for dense in [&layer.query, &layer.key, &layer.value] {
        writer.dense(&dense::quantize(&input.fold(dense), heads, hidden, from_input, None));
    }

    // A context is a mean of values, so it is bounded as they are.
    let values = bounds::after_norm(&layer.value, input.norm);
    let sums = bounds::after(&layer.attention_output, &values, bounds::length(&values));
    let unit = input.residual_unit(bounds::largest(&sums));
    let scale = bounds::largest(&values) / 127.0;
    let folded = with_residual_shift(&layer.attention_output, input.norm);
    let projection = dense::quantize(&folded, hidden, heads, limits(scale, unit), None);
    writer.dense(&projection);
    writer.norm(&middle.quantized(projection.unit));

    let folded = middle.fold(&layer.intermediate);
    let from_middle = limits(middle.row_scale(), 0.0);
    let unit = intermediate_unit(largest_intermediate);
    writer.dense(&dense::quantize(&folded, intermediate, hidden, from_middle, Some(unit)));

    let activated = bounds::after_norm(&layer.intermediate, middle.norm);
    let sums = bounds::after(&layer.output, &activated, bounds::length(&activated));
    let unit = middle.residual_unit(bounds::largest(&sums));
    let scale = (bounds::largest(&activated) + 0.2) / 254.0;
    let folded = with_residual_shift(&layer.output, middle.norm);
    let dense = dense::quantize(&folded, hidden, intermediate, limits(scale, unit), None);
    writer.dense(&dense);
    writer.norm(&output.quantized(dense.unit));
}

/// The finest power of two in which twice the largest value seen still fits 16 bits.
fn intermediate_unit(largest: f32) -> f64 {
    let bits = (f64::from(i16::MAX) / (2.0 * f64::from(largest))).log2().floor();
    (-bits.clamp(4.0, 11.0)).exp2()
}

/// The layer with the shift of the residual that is added to its output.
fn with_residual_shift(dense: &Dense, norm: &LayerNorm) -> Dense {
    let mut shifted = dense.clone();
    for (bias, beta) in shifted.bias.iter_mut().zip(&norm.beta) {
        *bias += beta;
    }
    shifted
}

fn write_head(checkpoint: &Checkpoint, last: &Migrated<'_>, writer: &mut Writer) {
    let model = &checkpoint.model;
    let hidden = Channels::plain(model.hidden);
    let labels = Channels::plain(checkpoint.labels.len());
    let from_last = Limits {
        input_scale: last.row_scale(),
        least_unit: 0.0,
    };
    let folded = |dense, outputs| -> QuantizedDense {
        dense::quantize(&last.fold(dense), outputs, hidden, from_last, None)
    };
    let pooler = pooler(checkpoint);
    if let Some(pooler) = pooler {
        writer.dense(&folded(pooler, hidden));
    }
    match &checkpoint.head {
        FloatHead::SequenceClassification { classifier, .. } if pooler.is_some() => {
            // Pooled states lie between -1 and 1.
            let from_pooler = Limits {
                input_scale: 2.0 / 254.0,
                least_unit: 0.0,
            };
            writer.dense(&dense::quantize(classifier, labels, hidden, from_pooler, None));
        }
        FloatHead::SequenceClassification { classifier, .. }
        | FloatHead::TokenClassification { classifier } => {
            writer.dense(&folded(classifier, labels));
        }
        FloatHead::Embedding { pooling, .. } if *pooling != checkpoint::Pooling::Pooler => {
            // A mean sums over as many tokens as there are positions.
            let sum = last.bound() * model.positions() as f64;
            let unit = last.residual_unit(0.0).max(sum / f64::from(1 << 30));
            writer.readout(unit, &last.norm.beta);
        }
        FloatHead::Embedding { .. } => {}
    }
}
