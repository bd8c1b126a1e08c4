//! The parts of a blob before its tensors.

use super::{Part, pooler};
use crate::blob::vocabulary::Section;
use crate::checkpoint::{self, Checkpoint, FloatHead};
use embert::blob::{Format, HEADER_LEN, MAGIC, VERSION, flags};
use embert::{HeadKind, Pooling, Shape};

/// Where the header says whether labels are tags; then come the rank of the word embeddings and the
/// labels of tokens.
const TAGS: usize = 95;

/// Where each name ends, then the names, those of texts before those of tokens.
pub fn label_section(checkpoint: &Checkpoint) -> Vec<u8> {
    let labels = [&checkpoint.intents[..], &checkpoint.labels].concat();
    let ends = labels.iter().scan(0, |end, label| {
        *end += label.len() as u32;
        Some(*end)
    });
    let mut section: Vec<u8> = ends.flat_map(u32::to_le_bytes).collect();
    section.extend(labels.concat().as_bytes());
    section
}

/// The shape that the blob will have: it decides the scratch, before anything is quantized.
pub fn shape(checkpoint: &Checkpoint, int4: &[Part]) -> Shape {
    let model = &checkpoint.model;
    let (head, pooling) = match &checkpoint.head {
        FloatHead::SequenceClassification { .. } => {
            (HeadKind::SequenceClassification, Pooling::Cls)
        }
        FloatHead::TokenClassification { .. } => (HeadKind::TokenClassification, Pooling::Cls),
        FloatHead::Embedding { pooling, .. } => {
            let pooling = match pooling {
                checkpoint::Pooling::Mean => Pooling::Mean,
                checkpoint::Pooling::Cls => Pooling::Cls,
                checkpoint::Pooling::Pooler => Pooling::Pooler,
            };
            (HeadKind::Embedding, pooling)
        }
        FloatHead::Joint { .. } => (HeadKind::Joint, Pooling::Cls),
        FloatHead::Spans { .. } => (HeadKind::Spans, Pooling::Cls),
    };
    let (labels, token_labels) = match &checkpoint.head {
        FloatHead::Joint { .. } => (checkpoint.intents.len(), checkpoint.labels.len()),
        _ => (checkpoint.labels.len(), 0),
    };
    Shape {
        layers: model.layers.len(),
        hidden: model.hidden,
        heads: model.heads,
        intermediate: model.intermediate,
        vocabulary: model.vocabulary(),
        rank: model.word_projection.as_ref().map_or(0, |p| p.inputs),
        positions: model.positions(),
        segments: model.segments(),
        labels,
        token_labels,
        iob2: checkpoint.iob2,
        head,
        pooling,
        has_pooler: pooler(checkpoint).is_some(),
        has_int4: int4.iter().any(|&part| part != Part::Embeddings),
    }
}

/// The bytes of [`embert::Header`], length and checksum left open.
pub fn header(
    checkpoint: &Checkpoint,
    int4: &[Part],
    vocabulary: &Section,
    labels: usize,
    about: usize,
) -> Vec<u8> {
    let (shape, spec) = (shape(checkpoint, int4), &checkpoint.tokenizer);
    let mut bits = match &checkpoint.head {
        FloatHead::SequenceClassification {
            multi_label: true, ..
        } => flags::MULTI_LABEL,
        FloatHead::Embedding {
            normalize: true, ..
        } => flags::NORMALIZE,
        _ => 0,
    };
    for (set, bit) in [
        (spec.lowercase, flags::LOWERCASE),
        (spec.strip_accents, flags::STRIP_ACCENTS),
        (spec.clean_text, flags::CLEAN_TEXT),
        (spec.handle_chinese_chars, flags::HANDLE_CHINESE_CHARS),
        (shape.has_pooler, flags::POOLER),
        (shape.has_int4, flags::INT4),
    ] {
        bits |= if set { bit } else { 0 };
    }
    let activation = match checkpoint.model.activation {
        checkpoint::Activation::GeluErf => 0,
        checkpoint::Activation::GeluTanh => 1,
        checkpoint::Activation::Relu => 2,
    };

    let id = |id: u32| vocabulary.id(id) as usize;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend([shape.head as u8, activation, shape.pooling as u8, bits]);
    let numbers = [
        shape.layers,
        shape.hidden,
        shape.heads,
        shape.intermediate,
        shape.vocabulary,
        shape.positions,
        shape.segments,
        shape.labels,
        id(spec.unk),
        id(spec.cls),
        id(spec.sep),
        spec.pad.map_or(usize::MAX, id),
        spec.mask.map_or(usize::MAX, id),
        spec.max_input_chars_per_word,
        vocabulary.bytes.len(),
        labels,
        about,
    ];
    bytes.extend(numbers.iter().flat_map(|&n| (n as u32).to_le_bytes()));
    if int4.contains(&Part::Embeddings) {
        // Words and positions: there are few segments, and every token adds one.
        bytes.extend([Format::Nibbles.code() as u8; 2]);
    }
    bytes.resize(TAGS, 0);
    bytes.push(shape.iob2.into());
    bytes.extend(
        [shape.rank, shape.token_labels]
            .map(|n| (n as u32).to_le_bytes())
            .concat(),
    );
    bytes.resize(HEADER_LEN, 0);
    bytes
}
