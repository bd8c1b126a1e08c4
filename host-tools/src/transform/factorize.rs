//! Word embeddings of a low rank: a table of `rank` channels and a projection to the hidden size
//! (ALBERT, arXiv 1909.11942, section 3.1), nearest to the table there was.
//!
//! The singular value decomposition of the table's deviations from its mean, in which the pieces
//! that texts are made of count more, and the channels that the LayerNorm makes larger.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use thiserror::Error;

use crate::checkpoint::{Checkpoint, Dense, FloatModel};
use crate::quantize::{QuantizeError, calibration_ids};
use crate::tokenizer::StoredTokenizer;

#[derive(Debug, Error)]
pub enum FactorizeError {
    #[error("a rank of {rank} is none: it is between 1 and {most}, less than the embeddings have")]
    Rank { rank: usize, most: usize },
    #[error("the word embeddings are of rank {0} already")]
    Already(usize),
    #[error(transparent)]
    Texts(#[from] QuantizeError),
}

/// Factorizes the word embeddings of a checkpoint. `texts` are like those the model will read;
/// none for the built-in ones.
///
/// # Errors
/// When the rank is not below the hidden size, the embeddings are factorized already, or a text
/// cannot be read.
pub fn factorize(
    checkpoint: &mut Checkpoint,
    rank: usize,
    texts: &[String],
) -> Result<(), FactorizeError> {
    let most = checkpoint.model.hidden - 1;
    if let Some(projection) = &checkpoint.model.word_projection {
        return Err(FactorizeError::Already(projection.inputs));
    }
    if !(1..=most).contains(&rank) {
        return Err(FactorizeError::Rank { rank, most });
    }
    let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer).map_err(QuantizeError::from)?;
    let reader = tokenizer.reader().map_err(QuantizeError::from)?;
    let texts = calibration_ids(checkpoint, &reader, texts)?;
    let weights = weights(checkpoint.model.vocabulary(), &texts);
    decompose(&mut checkpoint.model, rank, &weights);
    Ok(())
}

/// What the squared error of each piece counts: half of all weight lies on the texts, half on the
/// vocabulary evenly, for texts are few.
fn weights(pieces: usize, texts: &[Vec<u32>]) -> Array1<f64> {
    let tokens: usize = texts.iter().map(Vec::len).sum();
    let mut weights = Array1::from_elem(pieces, 0.5 / pieces as f64);
    for &id in texts.iter().flatten() {
        weights[id as usize] += 0.5 / tokens as f64;
    }
    weights
}

fn decompose(model: &mut FloatModel, rank: usize, weights: &Array1<f64>) {
    let hidden = model.hidden;
    let table = ArrayView2::from_shape((weights.len(), hidden), &model.word_embeddings)
        .expect("a row of the hidden size for each piece")
        .mapv(f64::from);
    let mean = (&table * &weights.view().insert_axis(Axis(1))).sum_axis(Axis(0)) / weights.sum();
    // A channel that the LayerNorm drops still needs a scale to divide by.
    let gamma = Array1::from_iter(
        model
            .embedding_norm
            .gamma
            .iter()
            .map(|g| f64::from(g.abs())),
    );
    let least = gamma.fold(0.0f64, |m, &g| m.max(g)).max(1e-9) * 1e-3;
    let gamma = gamma.mapv(|g| g.max(least));

    let deviations = (&table - &mean) * &gamma;
    let weighted = &deviations * &weights.mapv(f64::sqrt).insert_axis(Axis(1));
    let gram = weighted.t().dot(&weighted);
    let basis = principal(&gram, rank);

    model.word_embeddings = deviations.dot(&basis).iter().map(|&v| v as f32).collect();
    let projection = &basis / &gamma.insert_axis(Axis(1));
    model.word_projection = Some(Dense {
        weight: projection.iter().map(|&v| v as f32).collect(),
        bias: mean.iter().map(|&v| v as f32).collect(),
        inputs: rank,
        outputs: hidden,
    });
}

/// Multiplications by the matrix: what it has in one direction more than in another counts to this
/// power.
const ITERATIONS: usize = 60;

/// An orthonormal basis, a column for each dimension, of the space that has most of the matrix:
/// the span of its first eigenvectors, by orthogonal iteration (Golub and Van Loan, "Matrix
/// Computations", section 8.2.4). Which basis of that space it is does not matter.
pub fn principal(gram: &Array2<f64>, rank: usize) -> Array2<f64> {
    // Knuth's generator (MMIX): the same blob every time.
    let mut state = 1u64;
    let random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    // A row is a direction here: they lie together in memory.
    let mut basis = Array2::from_shape_simple_fn((rank, gram.nrows()), random);
    for _ in 0..ITERATIONS {
        orthonormalize(&mut basis);
        basis = basis.dot(gram);
    }
    orthonormalize(&mut basis);
    basis.reversed_axes()
}

/// Makes rows orthonormal, one after the other (Gram and Schmidt), twice: once leaves what
/// rounding has spoilt. A row that others span becomes zero.
fn orthonormalize(rows: &mut Array2<f64>) {
    for _ in 0..2 {
        for index in 0..rows.nrows() {
            let (before, mut rest) = rows.view_mut().split_at(Axis(0), index);
            let mut row = rest.row_mut(0);
            let length = row.dot(&row).sqrt();
            let along = before.dot(&row);
            row -= &before.t().dot(&along);
            let left = row.dot(&row).sqrt();
            let scale = if left > 1e-10 * length {
                1.0 / left
            } else {
                0.0
            };
            row *= scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embert_tests::tiny::{EMBEDDING, Flavour};

    fn checkpoint() -> anyhow::Result<Checkpoint> {
        let folder = tempfile::tempdir()?;
        EMBEDDING.write(folder.path(), Flavour::usual(&EMBEDDING))?;
        Ok(Checkpoint::open(folder.path(), None)?)
    }

    /// The word embeddings as the encoder gets them.
    fn words(model: &FloatModel) -> Array2<f32> {
        let (rows, width) = (model.vocabulary(), model.word_width());
        let table = ArrayView2::from_shape((rows, width), &model.word_embeddings).unwrap();
        match &model.word_projection {
            None => table.to_owned(),
            Some(p) => {
                let weight = ArrayView2::from_shape((p.outputs, p.inputs), &p.weight).unwrap();
                table.dot(&weight.t()) + Array1::from(p.bias.clone())
            }
        }
    }

    #[test]
    fn what_has_a_low_rank_is_kept_and_more_rank_is_nearer() -> anyhow::Result<()> {
        let mut whole = checkpoint()?;
        let mut last = f32::INFINITY;
        for rank in [2, 8, 20] {
            let mut low = whole.clone();
            factorize(&mut low, rank, &[])?;
            assert_eq!(low.model.vocabulary(), whole.model.vocabulary());
            let error = (words(&low.model) - words(&whole.model))
                .mapv(|v| v * v)
                .sum();
            assert!(error < last, "rank {rank}: {error}");
            last = error;
        }
        // A table that has the rank comes out as it was.
        factorize(&mut whole, 5, &[])?;
        let table = words(&whole.model);
        whole.model.word_embeddings = table.iter().copied().collect();
        whole.model.word_projection = None;
        factorize(&mut whole, 5, &[])?;
        let error = (words(&whole.model) - table).mapv(f32::abs);
        assert!(error.iter().all(|&e| e < 1e-5));
        Ok(())
    }

    #[test]
    fn what_cannot_be_is_refused() -> anyhow::Result<()> {
        let mut checkpoint = checkpoint()?;
        for rank in [0, 26, 1000] {
            assert!(factorize(&mut checkpoint, rank, &[]).is_err());
        }
        factorize(&mut checkpoint, 4, &[])?;
        let again = factorize(&mut checkpoint, 3, &[]);
        assert!(matches!(again, Err(FactorizeError::Already(4))));
        Ok(())
    }
}
