//! Tensors in the order of the blob.

use super::Part;
use super::attention;
use super::bounds;
use super::calibration::Statistics;
use super::dense::{self, Channels, Layout, Limits};
use super::grid::Bits;
use super::migration;
use super::norm::SmoothedNorm;
use super::pooler;
use super::rounding::Inputs;
use super::tables;
use crate::blob::writer::Writer;
use crate::checkpoint::{self, Checkpoint, Dense, FloatHead, LayerNorm};

/// Writes the tensors of a model in the order of the blob.
pub struct Encoder<'a> {
    checkpoint: &'a Checkpoint,
    statistics: &'a Statistics,
    int4: &'a [Part],
    /// The word embeddings in the order of the blob.
    words: &'a [u32],
    hidden: Channels,
    intermediate: Channels,
    heads: Channels,
}

impl<'a> Encoder<'a> {
    pub fn new(
        checkpoint: &'a Checkpoint,
        statistics: &'a Statistics,
        int4: &'a [Part],
        words: &'a [u32],
    ) -> Self {
        let model = &checkpoint.model;
        Encoder {
            checkpoint,
            statistics,
            int4,
            words,
            hidden: Channels::plain(model.hidden),
            intermediate: Channels::plain(model.intermediate),
            heads: Channels {
                groups: model.heads,
                size: model.head_width(),
            },
        }
    }

    fn bits(&self, part: Part) -> Bits {
        match self.int4.contains(&part) {
            true => Bits::Four,
            false => Bits::Eight,
        }
    }

    /// `progress` is called after every layer.
    pub fn write(&self, writer: &mut Writer, mut progress: impl FnMut()) {
        let model = &self.checkpoint.model;
        let mut input = self.states(0, &model.embedding_norm);
        let tables = tables::quantize(self.bits(Part::Embeddings), model, self.words);
        writer.table(&tables.word);
        if let Some(projection) = &tables.projection {
            writer.dense(projection);
        }
        writer.table(&tables.position);
        writer.table(&tables.segment);
        writer.norm(&input.quantized(tables.unit));
        for index in 0..model.layers.len() {
            input = self.write_layer(index, &input, writer);
            progress();
        }
        self.write_head(&input, writer);
    }

    /// The states going into layer `index`, or into the head, with scales for what reads them.
    fn states(&self, index: usize, norm: &'a LayerNorm) -> SmoothedNorm<'a> {
        let (checkpoint, head) = (self.checkpoint, &self.checkpoint.head);
        let readers = match checkpoint.model.layers.get(index) {
            Some(layer) => vec![&layer.query, &layer.key, &layer.value],
            None => {
                let of_text = pooler(checkpoint).or(head.text_classifier());
                of_text.into_iter().chain(head.token_classifier()).collect()
            }
        };
        SmoothedNorm::new(norm, self.statistics.states(index), &readers)
    }

    /// Writes layer `index` and returns the states that come out of it.
    fn write_layer(
        &self,
        index: usize,
        input: &SmoothedNorm<'a>,
        writer: &mut Writer,
    ) -> SmoothedNorm<'a> {
        let (statistics, layer) = (self.statistics, &self.checkpoint.model.layers[index]);
        let middle = SmoothedNorm::new(
            &layer.attention_norm,
            statistics.middle(index),
            &[&layer.intermediate],
        );
        let output = self.states(index + 1, &layer.output_norm);
        let layout = |outputs, inputs| Layout { outputs, inputs };

        let context = statistics.context(index);
        let centred = attention::centre(layer, statistics.states(index), context);
        let inputs = input.inputs();
        let bits = self.bits(Part::Attention);
        for dense in [&layer.query, &centred.key, &centred.value] {
            writer.dense(&dense::quantize(
                bits,
                &input.fold(dense),
                layout(self.heads, self.hidden),
                &inputs,
                Limits::input(input.row_scale()),
            ));
        }

        // A context is a mean of values, so it is bounded as they are.
        let values = bounds::after_norm(&centred.value, input.norm);
        let sums = bounds::after(&centred.output, &values, bounds::length(&values));
        let step = attention::mean_square_step(context, &centred.shift).sqrt();
        let projection = dense::quantize(
            bits,
            &with_residual_shift(&centred.output, input.norm),
            layout(self.hidden, self.heads),
            &Inputs::new(
                context,
                &centred.shift,
                &vec![1.0; context.channels()],
                step,
            ),
            Limits {
                input_scale: bounds::largest(&values) / 127.0,
                least_unit: input.residual_unit(bounds::largest(&sums)),
            },
        );
        writer.dense(&projection);
        writer.norm(&middle.quantized(projection.unit));

        let bits = self.bits(Part::FeedForward);
        writer.dense(&dense::quantize_in(
            intermediate_unit(statistics.largest_intermediate(index)),
            bits,
            &middle.fold(&layer.intermediate),
            layout(self.intermediate, self.hidden),
            &middle.inputs(),
        ));

        let activated = bounds::after_norm(&layer.intermediate, middle.norm);
        let sums = bounds::after(&layer.output, &activated, bounds::length(&activated));
        let seen = statistics.activated(index);
        let (shift, scales) = (vec![0.0; seen.channels()], vec![1.0; seen.channels()]);
        let step = migration::mean_square_step(seen.sample(), &shift, &scales).sqrt();
        let projection = dense::quantize(
            bits,
            &with_residual_shift(&layer.output, middle.norm),
            layout(self.hidden, self.intermediate),
            &Inputs::new(seen, &shift, &scales, step),
            Limits {
                input_scale: (bounds::largest(&activated) + 0.2) / 254.0,
                least_unit: middle.residual_unit(bounds::largest(&sums)),
            },
        );
        writer.dense(&projection);
        writer.norm(&output.quantized(projection.unit));
        output
    }

    fn write_head(&self, last: &SmoothedNorm<'_>, writer: &mut Writer) {
        let checkpoint = self.checkpoint;
        let mut write = |dense: &Dense, inputs: &Inputs, input_scale| {
            let layout = Layout {
                outputs: Channels::plain(dense.outputs),
                inputs: self.hidden,
            };
            writer.dense(&dense::quantize(
                Bits::Eight,
                dense,
                layout,
                inputs,
                Limits::input(input_scale),
            ));
        };
        let (pooler, head) = (pooler(checkpoint), &checkpoint.head);
        if let Some(pooler) = pooler {
            write(&last.fold(pooler), &last.inputs(), last.row_scale());
        }
        match (head.text_classifier(), pooler) {
            (Some(classifier), Some(_)) => {
                // Pooled states lie between -1 and 1.
                let inputs = Inputs::unknown(classifier.inputs);
                write(classifier, &inputs, 2.0 / 254.0);
            }
            (Some(classifier), None) => {
                write(&last.fold(classifier), &last.inputs(), last.row_scale());
            }
            (None, _) => {}
        }
        if let Some(classifier) = head.token_classifier() {
            write(&last.fold(classifier), &last.inputs(), last.row_scale());
        }
        match head {
            FloatHead::Embedding { pooling, .. } if *pooling != checkpoint::Pooling::Pooler => {
                // A mean sums over as many tokens as there are positions.
                let sum = last.bound() * checkpoint.model.positions() as f64;
                let unit = last.residual_unit(0.0).max(sum / f64::from(1 << 30));
                writer.readout(unit, &last.norm.beta);
            }
            _ => {}
        }
    }
}

/// The finest power of two in which twice the largest value seen still fits 16 bits.
fn intermediate_unit(largest: f32) -> f64 {
    let bits = (f64::from(i16::MAX) / (2.0 * f64::from(largest)))
        .log2()
        .floor();
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
