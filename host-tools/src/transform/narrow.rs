//! A narrower and shallower encoder made of a pre-trained one, to be trained further: what most of a
//! model's states lie in is kept, and the heads and neurons that say most.
//!
//! States are shown in the directions in which they are largest, as SliceGPT (Ashkboos et al., arXiv
//! 2401.15024) does to models without means and betas in their norms; for BERT's, gamma and beta are
//! fitted to what comes out. What is left out adds its mean to a bias.

use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};

use crate::checkpoint::{Dense, FloatModel, Layer, LayerNorm};
use crate::reference::{InputError, Site, encode};
use crate::sizes::Sizes;
use crate::transform::factorize::principal;

/// Narrows an encoder. `texts` are ids of texts like those it will read.
///
/// # Errors
/// When the texts are not of the model's vocabulary, or too long for it.
///
/// # Panics
/// When the sizes are not [within](Sizes::within) the model's, or there are no texts.
pub fn narrow(
    model: &FloatModel,
    sizes: Sizes,
    texts: &[Vec<u32>],
) -> Result<FloatModel, InputError> {
    assert!(sizes.within(model), "{sizes:?}");
    let states = States::of(model, texts)?;
    let basis = states.basis(sizes.hidden);
    let last = model.layers.len() - 1;
    let chosen = (0..sizes.layers).map(|layer| layer * last / (sizes.layers - 1).max(1));
    let layers = chosen.map(|layer| {
        let (old, seen) = (&model.layers[layer], &states.layers[layer]);
        narrow_layer(old, model.head_width(), sizes, seen, &basis)
    });
    let rows = |table: &[f32]| -> Vec<f32> {
        let rows = (table.len() / model.hidden, model.hidden);
        let table = ArrayView2::from_shape(rows, table).expect("rows of the hidden size");
        table
            .mapv(f64::from)
            .dot(&basis)
            .iter()
            .map(|&v| v as f32)
            .collect()
    };
    Ok(FloatModel {
        hidden: sizes.hidden,
        heads: sizes.heads,
        intermediate: sizes.intermediate,
        activation: model.activation,
        word_embeddings: rows(&model.word_embeddings),
        word_projection: None,
        position_embeddings: rows(&model.position_embeddings),
        segment_embeddings: rows(&model.segment_embeddings),
        embedding_norm: narrow_norm(&model.embedding_norm, &states.embedded, &basis),
        layers: layers.collect(),
        pooler: None,
    })
}

/// What passes through an encoder, a row for each token of all texts.
struct States {
    embedded: Array2<f64>,
    layers: Vec<LayerStates>,
}

#[derive(Default)]
struct LayerStates {
    context: Array2<f64>,
    attended: Array2<f64>,
    inner: Array2<f64>,
    output: Array2<f64>,
}

impl States {
    fn of(model: &FloatModel, texts: &[Vec<u32>]) -> Result<Self, InputError> {
        let mut parts: Vec<[Vec<Array2<f64>>; 5]> = Vec::new();
        parts.resize_with(model.layers.len().max(1), Default::default);
        for ids in texts {
            encode(model, ids, &vec![0; ids.len()], &mut |seen| {
                let place = match seen.site {
                    Site::EmbeddingOutput => 0,
                    Site::Context => 1,
                    Site::AttentionNormOutput => 2,
                    Site::IntermediateOutput => 3,
                    Site::OutputNormOutput => 4,
                    Site::Query | Site::Key | Site::Value | Site::IntermediateInput => return,
                };
                parts[seen.layer][place].push(seen.values.mapv(f64::from));
            })?;
        }
        let all = |parts: &mut Vec<Array2<f64>>| {
            let parts = std::mem::take(parts);
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            concatenate(Axis(0), &views).expect("texts, and rows of one width")
        };
        Ok(States {
            embedded: all(&mut parts[0][0]),
            layers: parts
                .iter_mut()
                .map(|[_, context, attended, inner, output]| LayerStates {
                    context: all(context),
                    attended: all(attended),
                    inner: all(inner),
                    output: all(output),
                })
                .collect(),
        })
    }

    /// The directions, a column each, in which the states of all layers are largest.
    fn basis(&self, hidden: usize) -> Array2<f64> {
        let within = self.layers.iter();
        let within = within.flat_map(|layer| [&layer.attended, &layer.output]);
        let width = self.embedded.ncols();
        if hidden == width {
            return Array2::eye(width);
        }
        let mut gram = Array2::zeros((width, width));
        for states in [&self.embedded].into_iter().chain(within) {
            gram += &states.t().dot(states);
        }
        principal(&gram, hidden)
    }
}

fn narrow_layer(
    layer: &Layer,
    head_width: usize,
    sizes: Sizes,
    seen: &LayerStates,
    basis: &Array2<f64>,
) -> Layer {
    // Largest is what adds most to the states.
    let heads = adds(&seen.context, &layer.attention_output, head_width);
    let heads = largest(&heads, sizes.heads).into_iter();
    let channels: Vec<usize> = heads
        .flat_map(|head| head * head_width..(head + 1) * head_width)
        .collect();
    let neurons = adds(&seen.inner, &layer.output, 1);
    let neurons = largest(&neurons, sizes.intermediate);
    Layer {
        query: reads(&layer.query, &channels, basis),
        key: reads(&layer.key, &channels, basis),
        value: reads(&layer.value, &channels, basis),
        attention_output: writes(&layer.attention_output, &channels, &seen.context, basis),
        attention_norm: narrow_norm(&layer.attention_norm, &seen.attended, basis),
        intermediate: reads(&layer.intermediate, &neurons, basis),
        output: writes(&layer.output, &neurons, &seen.inner, basis),
        output_norm: narrow_norm(&layer.output_norm, &seen.output, basis),
    }
}

fn weight(dense: &Dense) -> Array2<f64> {
    let shape = (dense.outputs, dense.inputs);
    let weight = ArrayView2::from_shape(shape, &dense.weight).expect("outputs x inputs");
    weight.mapv(f64::from)
}

fn dense(weight: &Array2<f64>, bias: &Array1<f64>) -> Dense {
    Dense {
        weight: weight.iter().map(|&v| v as f32).collect(),
        bias: bias.iter().map(|&v| v as f32).collect(),
        inputs: weight.ncols(),
        outputs: weight.nrows(),
    }
}

/// How much each group of so many inputs of a map varies its output.
fn adds(inputs: &Array2<f64>, map: &Dense, group: usize) -> Vec<f64> {
    let weight = weight(map);
    let variance = inputs.var_axis(Axis(0), 0.0);
    let power = weight.mapv(|w| w * w).sum_axis(Axis(0)) * variance;
    let power = power.to_vec();
    power
        .chunks(group)
        .map(|group| group.iter().sum())
        .collect()
}

/// The indices of the largest, in their order.
fn largest(values: &[f64], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order.truncate(count);
    order.sort_unstable();
    order
}

/// A map that reads states: some of its outputs.
fn reads(map: &Dense, outputs: &[usize], basis: &Array2<f64>) -> Dense {
    let bias: Array1<f64> = outputs.iter().map(|&o| f64::from(map.bias[o])).collect();
    dense(&weight(map).select(Axis(0), outputs).dot(basis), &bias)
}

/// A map that writes states: from some of its inputs; the mean of the others is constant.
fn writes(map: &Dense, inputs: &[usize], seen: &Array2<f64>, basis: &Array2<f64>) -> Dense {
    let weight = weight(map);
    let mut left_out = seen.mean_axis(Axis(0)).expect("texts");
    inputs.iter().for_each(|&input| left_out[input] = 0.0);
    let bias: Array1<f64> = map.bias.iter().map(|&b| f64::from(b)).collect();
    let bias = (bias + weight.dot(&left_out)).dot(basis);
    dense(&basis.t().dot(&weight.select(Axis(1), inputs)), &bias)
}

/// Gamma and beta that bring normalized states nearest to what comes out of the norm, by least
/// squares, each channel by itself.
fn narrow_norm(norm: &LayerNorm, out: &Array2<f64>, basis: &Array2<f64>) -> LayerNorm {
    let channels = norm.gamma.iter().zip(&norm.beta);
    let mut before = out.clone();
    for (mut column, (&gamma, &beta)) in before.columns_mut().into_iter().zip(channels) {
        let gamma = f64::from(gamma);
        // A channel that is always beta had nothing before.
        let scale = if gamma.abs() > 1e-6 { 1.0 / gamma } else { 0.0 };
        column.mapv_inplace(|v| (v - f64::from(beta)) * scale);
    }
    let mut before = before.dot(basis);
    for mut row in before.rows_mut() {
        let mean = row.mean().unwrap_or(0.0);
        row -= mean;
        let deviation = (row.dot(&row) / row.len() as f64).sqrt().max(1e-9);
        row /= deviation;
    }
    let wanted = out.dot(basis);
    let fitted = before.columns().into_iter().zip(wanted.columns());
    let fitted = fitted.map(|(x, y)| {
        let (mx, my) = (x.mean().unwrap_or(0.0), y.mean().unwrap_or(0.0));
        let (dx, dy) = (&x - mx, &y - my);
        let gamma = dx.dot(&dy) / dx.dot(&dx).max(1e-9);
        (gamma as f32, (my - gamma * mx) as f32)
    });
    let (gamma, beta) = fitted.unzip();
    LayerNorm {
        gamma,
        beta,
        epsilon: norm.epsilon,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use embert_tests::tiny::{EMBEDDING, Flavour};

    fn model() -> FloatModel {
        let folder = tempfile::tempdir().unwrap();
        EMBEDDING
            .write(folder.path(), Flavour::usual(&EMBEDDING))
            .unwrap();
        Checkpoint::open(folder.path(), None).unwrap().model
    }

    fn texts() -> Vec<Vec<u32>> {
        (0..20u32)
            .map(|text| {
                (0..8)
                    .map(|place| (text * 7 + place * (3 + text)) % 50)
                    .collect()
            })
            .collect()
    }

    fn outputs(model: &FloatModel) -> Array2<f64> {
        let all: Vec<Array2<f64>> = texts()
            .iter()
            .map(|ids| {
                let states = encode(model, ids, &[0; 8], &mut |_| {}).unwrap();
                states.mapv(f64::from)
            })
            .collect();
        let views: Vec<_> = all.iter().map(|part| part.view()).collect();
        concatenate(Axis(0), &views).unwrap()
    }

    #[test]
    fn nothing_left_out_is_the_same() {
        let model = model();
        let sizes = Sizes {
            layers: model.layers.len(),
            hidden: model.hidden,
            heads: model.heads,
            intermediate: model.intermediate,
        };
        let same = narrow(&model, sizes, &texts()).unwrap();
        let error = (outputs(&same) - outputs(&model)).mapv(f64::abs);
        let worst = error.iter().copied().fold(0.0, f64::max);
        assert!(worst < 1e-3, "{worst}");
    }

    #[test]
    fn states_lie_to_each_other_as_the_models() {
        let model = model();
        let likeness = |small: &FloatModel| {
            let relations = [&model, small].map(|model| {
                let states = outputs(model);
                let mean = states.mean_axis(Axis(0)).unwrap();
                let states = states - mean;
                states.dot(&states.t())
            });
            let [a, b] = &relations;
            let dot = |a: &Array2<f64>, b: &Array2<f64>| (a * b).sum();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let sizes = |heads: usize, intermediate| Sizes {
            layers: model.layers.len(),
            hidden: heads * model.head_width(),
            heads,
            intermediate,
        };
        let whole = model.intermediate;
        let by_size = [(model.heads - 1, whole), (model.heads, whole / 2)];
        let texts = texts();
        for (heads, intermediate) in by_size {
            let small = narrow(&model, sizes(heads, intermediate), &texts).unwrap();
            assert_eq!(small.hidden, heads * model.head_width());
            // What its layers do is like what the model's do: without them it is less like it.
            let mut silent = small.clone();
            for layer in &mut silent.layers {
                layer.attention_output.weight.fill(0.0);
                layer.output.weight.fill(0.0);
            }
            let near = [&small, &silent].map(likeness);
            assert!(
                near[0] > near[1] + 0.02,
                "{heads}, {intermediate}: {near:?}"
            );
        }
        assert!(!sizes(model.heads + 1, whole).within(&model));
    }
}
