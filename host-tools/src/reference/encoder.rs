//! Embeddings and encoder layers.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use thiserror::Error;

use crate::checkpoint::{Activation, Dense, FloatModel, Layer, LayerNorm};

/// A place in the encoder whose values quantization must represent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// Normalized embeddings, the input of layer 0. `[tokens x hidden]`
    EmbeddingOutput,
    /// `[tokens x hidden]`, heads side by side; before the division by the square root of the head
    /// width.
    Query,
    Key,
    Value,
    /// Values averaged by attention, heads side by side: the input of the attention's output
    /// projection. `[tokens x hidden]`
    Context,
    /// Normalized sum of the layer's input and its attention: the feed-forward network's input.
    /// `[tokens x hidden]`
    AttentionNormOutput,
    /// Before the activation function. `[tokens x intermediate]`
    IntermediateInput,
    /// After the activation function. `[tokens x intermediate]`
    IntermediateOutput,
    /// The layer's output. `[tokens x hidden]`
    OutputNormOutput,
}

/// The values that passed one site for one text.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// 0 for [`Site::EmbeddingOutput`] too.
    pub layer: usize,
    pub site: Site,
    /// One row per token.
    pub values: ArrayView2<'a, f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InputError {
    #[error("there are no tokens")]
    Empty,
    #[error("{tokens} tokens are more than the model's {positions} positions")]
    TooLong { tokens: usize, positions: usize },
    #[error("there is no word embedding for id {0}")]
    UnknownId(u32),
    #[error("there is no embedding for segment {0}")]
    UnknownSegment(u32),
    #[error("{ids} ids but {segments} segments")]
    Lengths { ids: usize, segments: usize },
}

/// Computes the states of the last layer, `[tokens x hidden]`.
///
/// `observe` is called with the values at every [`Site`] in the order they are computed.
///
/// # Errors
/// When the input is empty, too long, or names an embedding the model does not have.
pub fn encode(
    model: &FloatModel,
    ids: &[u32],
    segments: &[u32],
    observe: &mut dyn FnMut(Observation<'_>),
) -> Result<Array2<f32>, InputError> {
    let mut states = embed(model, ids, segments)?;
    observe(Observation {
        layer: 0,
        site: Site::EmbeddingOutput,
        values: states.view(),
    });
    for (index, layer) in model.layers.iter().enumerate() {
        let mut observe = |site, values: &Array2<f32>| {
            observe(Observation {
                layer: index,
                site,
                values: values.view(),
            });
        };
        let attended = attend(layer, model.head_width(), &states, &mut observe);
        states = normalize(&(states + attended), &layer.attention_norm);
        observe(Site::AttentionNormOutput, &states);

        let fed_forward = feed_forward(layer, model.activation, &states, &mut observe);
        states = normalize(&(states + fed_forward), &layer.output_norm);
        observe(Site::OutputNormOutput, &states);
    }
    Ok(states)
}

/// The normalized sum of word, position and segment embeddings (Devlin et al., figure 2).
fn embed(model: &FloatModel, ids: &[u32], segments: &[u32]) -> Result<Array2<f32>, InputError> {
    let (tokens, positions) = (ids.len(), model.positions());
    if tokens == 0 {
        return Err(InputError::Empty);
    }
    if tokens > positions {
        return Err(InputError::TooLong { tokens, positions });
    }
    if segments.len() != tokens {
        return Err(InputError::Lengths {
            ids: tokens,
            segments: segments.len(),
        });
    }
    let row = |table: &'_ [f32], index: usize, width: usize| {
        let row = table.get(index * width..(index + 1) * width)?;
        Some(Array1::from(row.to_vec()))
    };
    let width = model.word_width();
    let mut words = Array2::<f32>::zeros((tokens, width));
    for (mut word, &id) in words.rows_mut().into_iter().zip(ids) {
        let found = row(&model.word_embeddings, id as usize, width);
        word.assign(&found.ok_or(InputError::UnknownId(id))?);
    }
    let mut sum = match &model.word_projection {
        Some(projection) => project(&words, projection),
        None => words,
    };
    for (position, (mut sum, &segment)) in sum.rows_mut().into_iter().zip(segments).enumerate() {
        let place = row(&model.position_embeddings, position, model.hidden)
            .ok_or(InputError::TooLong { tokens, positions })?;
        let segment = row(&model.segment_embeddings, segment as usize, model.hidden)
            .ok_or(InputError::UnknownSegment(segment))?;
        sum += &place;
        sum += &segment;
    }
    Ok(normalize(&sum, &model.embedding_norm))
}

/// Multi-head self-attention, softmax(Q Kᵀ / √d) V per head, and its output projection (Vaswani
/// et al., section 3.2).
fn attend(
    layer: &Layer,
    head_width: usize,
    states: &Array2<f32>,
    observe: &mut dyn FnMut(Site, &Array2<f32>),
) -> Array2<f32> {
    let query = project(states, &layer.query);
    let key = project(states, &layer.key);
    let value = project(states, &layer.value);
    observe(Site::Query, &query);
    observe(Site::Key, &key);
    observe(Site::Value, &value);

    let mut context = Array2::zeros(states.dim());
    for start in (0..query.ncols()).step_by(head_width) {
        let head = s![.., start..start + head_width];
        let mut weights = query.slice(head).dot(&key.slice(head).t());
        weights /= (head_width as f32).sqrt();
        softmax(&mut weights);
        context
            .slice_mut(head)
            .assign(&weights.dot(&value.slice(head)));
    }
    observe(Site::Context, &context);
    project(&context, &layer.attention_output)
}

/// The position-wise feed-forward network (Vaswani et al., section 3.3).
fn feed_forward(
    layer: &Layer,
    activation: Activation,
    states: &Array2<f32>,
    observe: &mut dyn FnMut(Site, &Array2<f32>),
) -> Array2<f32> {
    let mut inner = project(states, &layer.intermediate);
    observe(Site::IntermediateInput, &inner);
    inner.mapv_inplace(|x| activate(activation, x));
    observe(Site::IntermediateOutput, &inner);
    project(&inner, &layer.output)
}

pub(super) fn project(rows: &Array2<f32>, dense: &Dense) -> Array2<f32> {
    let weight = ArrayView2::from_shape((dense.outputs, dense.inputs), &dense.weight)
        .expect("a Dense holds outputs x inputs weights");
    rows.dot(&weight.t()) + ArrayView1::from(&dense.bias)
}

fn normalize(rows: &Array2<f32>, norm: &LayerNorm) -> Array2<f32> {
    let mean = rows.mean_axis(Axis(1)).expect("rows are not empty");
    let centred = rows - &mean.insert_axis(Axis(1));
    let variance = centred
        .mapv(|x| x * x)
        .mean_axis(Axis(1))
        .expect("rows are not empty");
    let deviation = variance.mapv(|variance| (variance + norm.epsilon).sqrt());
    centred / deviation.insert_axis(Axis(1)) * ArrayView1::from(&norm.gamma)
        + ArrayView1::from(&norm.beta)
}

/// Softmax over each row; the maximum is subtracted so that nothing overflows.
pub(super) fn softmax(rows: &mut Array2<f32>) {
    for mut row in rows.rows_mut() {
        let maximum = row.fold(f32::NEG_INFINITY, |maximum, &x| maximum.max(x));
        row.mapv_inplace(|x| (x - maximum).exp());
        let sum = row.sum();
        row /= sum;
    }
}

fn activate(activation: Activation, x: f32) -> f32 {
    use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
    match activation {
        Activation::GeluErf => 0.5 * x * (1.0 + libm::erff(x * FRAC_1_SQRT_2)),
        Activation::GeluTanh => {
            // √(2/π) = (2/√π) / √2
            let inner = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        Activation::Relu => x.max(0.0),
    }
}
