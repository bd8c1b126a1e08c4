//! What a text asks of the kernels: kernels that note their work and have other ones do it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use embert::blob::{Linear, Matrix, PAIR};
use embert::fixed::{FixedMultiplier, Requantizer};
use embert::kernels::{Activations, HiddenRow, InstructionSet, Kernels, RowScale, SoftmaxScales};
use embert::{Activation, Engine, EngineOptions, HeadKind, Model};
use serde::Serialize;

use crate::blob::AlignedBytes;

/// The operations of [`Kernels`] that any set may do in its own way, by their names in the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Linear,
    Matmul,
    Requantize,
    Softmax,
    Activate,
    Normalize,
    Expand,
    AddEmbedding,
    AddHidden,
    QuantizeHidden,
    Quantize,
    QuantizeActivated,
    ScaleDown,
    Range,
    RangeActivated,
    MaxAbs,
    PackValues,
}

/// A part of the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Embeddings,
    /// Queries, keys and values, scores and their softmax, mixing, output projection.
    Attention,
    FeedForward,
    Head,
}

/// Where in the model work is done: the layer from 0 on, none before and after them.
pub type Place = (Part, Option<usize>);

/// Work of one kind in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Calls of the operation.
    pub calls: u64,
    /// Rows of a product; none of anything else.
    pub rows: u64,
    /// Sums of a product, elements of anything else.
    pub outputs: u64,
}

/// Work by place, operation and depth: the inputs of each sum of a product, 1 of anything else.
pub type Trace = BTreeMap<(Place, Operation, usize), Work>;

/// Notes what a text of `tokens` tokens asks of the kernels, on a microcontroller's plan.
///
/// # Errors
/// If the model has not so many positions.
pub fn trace(model: &Model<'_>, tokens: usize) -> anyhow::Result<Trace> {
    let settings = EngineOptions {
        set: InstructionSet::custom(&Tracer),
        ..EngineOptions::default()
    };
    let plan = settings.plan(model.shape(), tokens);
    let mut scratch = AlignedBytes::zeroed(plan.bytes());
    NOTES.set(Some(Notes::new(model)));
    let result = Engine::with(model, &mut scratch, settings)
        .map_err(anyhow::Error::from)
        .and_then(|mut engine| {
            // A word of one letter is a token, known or not.
            let words = |specials| "a ".repeat(tokens.saturating_sub(specials));
            let read = match model.shape().head {
                HeadKind::Spans => engine.run_pair("", &words(3)),
                _ => engine.run(&words(2)),
            };
            let read = read?.tokens.len();
            anyhow::ensure!(read == tokens, "the model reads {read} tokens at most");
            Ok(())
        });
    let notes = NOTES.take().unwrap_or_default();
    result.map(|()| notes.trace)
}

thread_local! {
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Notes {
    /// Where the multipliers of each dense layer lie, and what it belongs to.
    layers: Vec<(Range<*const i32>, Place)>,
    /// Of the last dense layer: what follows it belongs to the same.
    place: Option<Place>,
    trace: Trace,
}

impl Notes {
    fn new(model: &Model<'_>) -> Self {
        let mut layers = Vec::new();
        if let Some(projection) = &model.embeddings().projection {
            let addresses = projection.multipliers.as_ptr_range();
            layers.push((addresses, (Part::Embeddings, None)));
        }
        for (index, layer) in model.layers().enumerate() {
            let attention = [layer.query, layer.key, layer.value, layer.attention_output];
            let feed_forward = [layer.intermediate, layer.output];
            let attention = attention.map(|linear| (linear, Part::Attention));
            let feed_forward = feed_forward.map(|linear| (linear, Part::FeedForward));
            for (linear, part) in attention.into_iter().chain(feed_forward) {
                layers.push((linear.multipliers.as_ptr_range(), (part, Some(index))));
            }
        }
        Notes {
            layers,
            ..Notes::default()
        }
    }

    fn note(&mut self, operation: Operation, depth: usize, rows: usize, outputs: usize) {
        let place = self.place.unwrap_or((Part::Embeddings, None));
        let work = self.trace.entry((place, operation, depth)).or_default();
        work.calls += 1;
        work.rows += rows as u64;
        work.outputs += outputs as u64;
    }
}

/// Notes a product.
fn note_product(operation: Operation, depth: usize, rows: usize, columns: usize) {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            notes.note(operation, depth, rows, rows * columns);
        }
    });
}

/// Notes anything else.
fn note(operation: Operation, elements: usize) {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            notes.note(operation, 1, 0, elements);
        }
    });
}

/// Kernels that note what they are asked for. Of those that are made of others, these count.
struct Tracer;

impl Tracer {
    fn set(&self) -> InstructionSet {
        InstructionSet::detect()
    }
}

impl Kernels for Tracer {
    fn name(&self) -> &'static str {
        "tracer"
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        let rows = a.len() / b.depth.max(1);
        note_product(Operation::Matmul, b.depth, rows, out_width);
        self.set().matmul(a, b, out, out_width);
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        NOTES.with_borrow_mut(|notes| {
            if let Some(notes) = notes {
                let address = layer.multipliers.as_ptr();
                let found = notes.layers.iter().find(|(all, _)| all.contains(&address));
                notes.place = Some(found.map_or((Part::Head, None), |&(_, place)| place));
            }
        });
        let rows = input.rows.len();
        note_product(Operation::Linear, layer.weights.depth, rows, out_width);
        self.set().linear(input, layer, first, out, out_width);
    }

    fn requantize(&self, row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
        note(Operation::Requantize, row.len());
        self.set().requantize(row, layer, first, scale);
    }

    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        note(Operation::Softmax, scores.len());
        self.set().softmax(scores, scales, out)
    }

    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        note(Operation::Activate, input.len());
        self.set().activate(kind, fraction_bits, input, out);
    }

    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        note(Operation::Normalize, row.len());
        self.set().normalize(row, hidden, gains, epsilon);
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        note(Operation::Expand, multipliers.len() * PAIR);
        self.set().expand(nibbles, multipliers, out);
    }

    fn add_embedding(&self, row: &[i8], multiplier: u16, sums: &mut [i32]) {
        note(Operation::AddEmbedding, row.len());
        self.set().add_embedding(row, multiplier, sums);
    }

    fn add_hidden(
        &self,
        row: &HiddenRow<'_>,
        restore: &[i32],
        factor: FixedMultiplier,
        sums: &mut [i32],
    ) {
        note(Operation::AddHidden, sums.len());
        self.set().add_hidden(row, restore, factor, sums);
    }

    fn quantize_hidden(
        &self,
        row: &[i32],
        narrow: Requantizer,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        note(Operation::QuantizeHidden, row.len());
        self.set()
            .quantize_hidden(row, narrow, zero_point, high, low);
    }

    fn quantize(&self, row: &[i32], narrow: Requantizer, out: &mut [i8]) {
        note(Operation::Quantize, row.len());
        self.set().quantize(row, narrow, out);
    }

    fn quantize_activated(
        &self,
        row: &[i16],
        narrow: Requantizer,
        zero_point: i32,
        out: &mut [i8],
    ) {
        note(Operation::QuantizeActivated, row.len());
        self.set().quantize_activated(row, narrow, zero_point, out);
    }

    fn scale_down(&self, row: &[i8], ratio: i16, out: &mut [i8]) {
        note(Operation::ScaleDown, row.len());
        self.set().scale_down(row, ratio, out);
    }

    fn range(&self, row: &[i32]) -> (i32, i32) {
        note(Operation::Range, row.len());
        self.set().range(row)
    }

    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        note(Operation::RangeActivated, row.len());
        self.set().range_activated(row)
    }

    fn max_abs(&self, row: &[i32]) -> u32 {
        note(Operation::MaxAbs, row.len());
        self.set().max_abs(row)
    }

    fn pack_values(
        &self,
        rows: &[i8],
        first: usize,
        depth: usize,
        out: &mut [i8],
        sums: &mut [i32],
    ) {
        note(Operation::PackValues, rows.len());
        self.set().pack_values(rows, first, depth, out, sums);
    }
}
