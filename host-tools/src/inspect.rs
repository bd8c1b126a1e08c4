//! What a blob holds, in numbers.

use embert::{
    Activation, HeadKind, Model, Pooling,
    blob::{ALIGNMENT, Format, HEADER_LEN, Linear, Norm, Table, flags},
    scratch_bytes,
};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    pub head: String,
    pub activation: &'static str,
    pub layers: usize,
    pub hidden: usize,
    pub attention_heads: usize,
    pub intermediate: usize,
    pub vocabulary: usize,
    pub positions: usize,
    pub segments: usize,
    /// Of texts where the head labels tokens too.
    pub labels: Vec<String>,
    /// Of tokens where the head labels texts too.
    pub token_labels: Vec<String>,
    pub tokenizer: TokenizerSettings,
    /// In the blob's order; they add up to its size.
    pub sections: Vec<Section>,
    pub bytes: usize,
    /// CRC-32 as the header has it, and whether the bytes have it too.
    pub checksum: u32,
    pub intact: bool,
    /// Memory needed by token limit, the longest text last.
    pub scratch: Vec<ScratchSize>,
    /// Where the model came from and what its licence asks to be said.
    pub about: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenizerSettings {
    pub lowercase: bool,
    pub strip_accents: bool,
    pub clean_text: bool,
    pub handle_chinese_chars: bool,
    pub max_input_chars_per_word: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    pub name: &'static str,
    pub bytes: usize,
    /// Of the weights in it; `None` where there are none.
    pub weights: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScratchSize {
    pub tokens: usize,
    pub bytes: usize,
    /// Multiply-accumulates of the matrix products for a text of so many tokens.
    pub macs: u64,
}

/// Token limits that scratch sizes are given for.
const TOKEN_LIMITS: [usize; 6] = [16, 32, 64, 128, 256, 512];

impl Inspection {
    /// Reads the whole blob, to check its checksum.
    pub fn new(model: &Model<'_>) -> Self {
        let (header, shape) = (model.header(), model.shape());
        let mut limits: Vec<usize> = TOKEN_LIMITS.into();
        limits.retain(|&limit| limit < shape.positions);
        limits.push(shape.positions);
        let sections = sections(model);
        Self {
            head: head(model),
            activation: match header.activation {
                Activation::GeluErf => "gelu",
                Activation::GeluTanh => "gelu (tanh)",
                Activation::Relu => "relu",
            },
            layers: shape.layers,
            hidden: shape.hidden,
            attention_heads: shape.heads,
            intermediate: shape.intermediate,
            vocabulary: shape.vocabulary,
            positions: shape.positions,
            segments: shape.segments,
            labels: model.labels().iter().map(String::from).collect(),
            token_labels: match shape.head {
                HeadKind::Joint => model.token_labels().iter().map(String::from).collect(),
                _ => Vec::new(),
            },
            tokenizer: TokenizerSettings {
                lowercase: header.flag(flags::LOWERCASE),
                strip_accents: header.flag(flags::STRIP_ACCENTS),
                clean_text: header.flag(flags::CLEAN_TEXT),
                handle_chinese_chars: header.flag(flags::HANDLE_CHINESE_CHARS),
                max_input_chars_per_word: header.max_input_chars_per_word,
            },
            bytes: header.length,
            checksum: header.checksum,
            intact: crc32fast::hash(model.checksummed().0) == model.checksummed().1,
            scratch: limits
                .into_iter()
                .map(|tokens| ScratchSize {
                    tokens,
                    bytes: scratch_bytes(shape, tokens),
                    macs: shape.macs(tokens),
                })
                .collect(),
            about: model.about().to_owned(),
            sections,
        }
    }
}

/// The head in words.
fn head(model: &Model<'_>) -> String {
    let (header, shape) = (model.header(), model.shape());
    let labels = shape.labels;
    match shape.head {
        HeadKind::SequenceClassification if header.flag(flags::MULTI_LABEL) => {
            format!("sequence classification, any of {labels} labels")
        }
        HeadKind::SequenceClassification => {
            format!("sequence classification, one of {labels} labels")
        }
        HeadKind::TokenClassification => format!("token classification, {labels} labels"),
        HeadKind::Embedding => {
            let pooling = match shape.pooling {
                Pooling::Mean => "mean of the tokens",
                Pooling::Cls => "first token",
                Pooling::Pooler => "pooler",
            };
            let normalized = if header.flag(flags::NORMALIZE) {
                ", normalized"
            } else {
                ""
            };
            format!("sentence embedding, {pooling}{normalized}")
        }
        HeadKind::Joint => {
            let slots = shape.token_labels;
            format!("one of {labels} labels for the text and one of {slots} for each token")
        }
        HeadKind::Spans => "answers to questions, parts of a context".into(),
    }
}

fn sections(model: &Model<'_>) -> Vec<Section> {
    let header = model.header();
    let embeddings = model.embeddings();
    let (mut attention, mut feed_forward) = (0, 0);
    let (mut attention_formats, mut feed_forward_formats) = (Vec::new(), Vec::new());
    for layer in model.layers() {
        for layer in [layer.query, layer.key, layer.value, layer.attention_output] {
            attention += linear(&layer);
            attention_formats.push(layer.weights.format);
        }
        attention += norm(&layer.attention_norm);
        for layer in [layer.intermediate, layer.output] {
            feed_forward += linear(&layer);
            feed_forward_formats.push(layer.weights.format);
        }
        feed_forward += norm(&layer.output_norm);
    }
    let head = model.head();
    let readout = head
        .readout
        .map_or(0, |readout| SCALES + padded(size_of_val(readout.shift)));
    let dense = [head.pooler, head.classifier, head.token_classifier];
    let dense: Vec<Linear<'_>> = dense.into_iter().flatten().collect();
    let head_formats: Vec<Format> = dense.iter().map(|layer| layer.weights.format).collect();
    let [word, position, segment] = header.tables;
    let projection = embeddings.projection.as_ref().map_or(0, linear);
    let sections = [
        ("header", HEADER_LEN, &[][..]),
        ("vocabulary", padded(header.vocabulary_len), &[]),
        ("label names", padded(header.labels_len), &[]),
        ("notice", padded(header.about_len), &[]),
        (
            "word embeddings",
            table(&embeddings.word) + projection,
            &[word],
        ),
        (
            "position and segment embeddings",
            table(&embeddings.position) + table(&embeddings.segment) + norm(&embeddings.norm),
            &[position, segment],
        ),
        ("attention", attention, &attention_formats),
        ("feed-forward", feed_forward, &feed_forward_formats),
        (
            "head",
            dense.iter().map(linear).sum::<usize>() + readout,
            &head_formats,
        ),
    ];
    sections
        .into_iter()
        .map(|(name, bytes, formats)| Section {
            name,
            bytes,
            weights: bits(formats),
        })
        .collect()
}

/// Weights in those formats, in words.
fn bits(formats: &[Format]) -> Option<&'static str> {
    let int4 = formats.iter().filter(|&&format| format == Format::Nibbles);
    match int4.count() {
        _ if formats.is_empty() => None,
        0 => Some("int8"),
        count if count == formats.len() => Some("int4"),
        _ => Some("int4 and int8"),
    }
}

/// Bytes of four scales.
const SCALES: usize = 4 * size_of::<f32>();

/// Sections start at multiples of [`ALIGNMENT`].
fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

fn linear(layer: &Linear<'_>) -> usize {
    let per_channel = [layer.multipliers, layer.column_sums, layer.biases];
    padded(size_of::<u32>())
        + SCALES
        + per_channel
            .map(|numbers| padded(size_of_val(numbers)))
            .iter()
            .sum::<usize>()
        + padded(layer.groups.len())
        + padded(layer.weights.data.len())
}

fn norm(norm: &Norm<'_>) -> usize {
    SCALES + padded(size_of_val(norm.gains)) + padded(size_of_val(norm.restore))
}

fn table(table: &Table<'_>) -> usize {
    table.bytes().map(padded).iter().sum()
}
