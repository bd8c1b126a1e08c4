//! The best blob within a budget of flash: what can be left out of a checkpoint, tried one way
//! after the other, and how far each stays with the float model.

pub mod picture;

use std::cmp::Ordering;

use embert::Model;
use serde::Serialize;

use crate::blob::AlignedBytes;
use crate::checkpoint::Checkpoint;
use crate::prune::{PruneError, prune};
use crate::quantize::{Options, Part, QuantizeError, quantize};
use crate::validate::{Summary, ValidateError, compare};

/// One way to make a blob smaller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Variant {
    /// What is stored in 4 bits.
    pub int4: Vec<Part>,
    /// Pieces that the corpus yields less often are left out; none are if there is no number.
    pub vocab_min_count: Option<usize>,
}

/// What has become of a variant.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    pub variant: Variant,
    /// Of the blob.
    pub bytes: usize,
    /// Share of labels that are the float model's, or the mean cosine to its embeddings.
    pub agreement: f64,
    /// Whether nothing as small agrees as well.
    pub on_frontier: bool,
    #[serde(skip)]
    pub blob: Vec<u8>,
    /// The pieces that are left, a line each, if some were left out.
    #[serde(skip)]
    pub vocab_txt: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum FitError {
    #[error(transparent)]
    Prune(#[from] PruneError),
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    #[error(transparent)]
    Validate(#[from] ValidateError),
}

/// What is tried: with each vocabulary, every choice of parts in 4 bits.
pub fn variants(has_corpus: bool) -> Vec<Variant> {
    let vocabularies: &[Option<usize>] = match has_corpus {
        true => &[None, Some(1), Some(2), Some(4)],
        false => &[None],
    };
    let variants = vocabularies.iter().flat_map(|&vocab_min_count| {
        (0..1 << Part::ALL.len()).map(move |chosen| Variant {
            int4: (0..)
                .zip(Part::ALL)
                .filter(|(bit, _)| chosen >> bit & 1 == 1)
                .map(|(_, part)| part)
                .collect(),
            vocab_min_count,
        })
    });
    variants.collect()
}

/// Makes a variant, and compares it with the whole checkpoint on `texts`.
///
/// # Errors
/// Where pruning, quantizing or comparing fails.
pub fn candidate(
    checkpoint: &Checkpoint,
    variant: Variant,
    options: &Options,
    corpus: &[String],
    texts: &[String],
) -> Result<Candidate, FitError> {
    let mut smaller = checkpoint.clone();
    let mut vocab_txt = None;
    if let Some(minimum) = variant.vocab_min_count {
        prune(&mut smaller, corpus, minimum)?;
        vocab_txt = Some(crate::prune::vocab_txt(&smaller.tokenizer));
    }
    let options = Options {
        int4: variant.int4.clone(),
        ..options.clone()
    };
    let blob = quantize(&smaller, &options, |_| {})?;
    let aligned = AlignedBytes::copy(&blob);
    let model = Model::parse(&aligned).map_err(QuantizeError::Unsupported)?;
    let comparisons = compare(checkpoint, &model, texts, || {})?;
    let summary = Summary::new(texts, &comparisons, 0);
    let cosine = summary.cosine.map(|cosine| cosine.mean);
    Ok(Candidate {
        variant,
        bytes: blob.len(),
        agreement: cosine.or(summary.agreement).unwrap_or_default(),
        on_frontier: false,
        blob,
        vocab_txt,
    })
}

/// Sorts candidates by their size and marks those that no smaller one equals.
pub fn frontier(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| {
        let better = b.agreement.partial_cmp(&a.agreement);
        a.bytes
            .cmp(&b.bytes)
            .then(better.unwrap_or(Ordering::Equal))
    });
    let mut best = f64::NEG_INFINITY;
    for candidate in candidates {
        candidate.on_frontier = candidate.agreement > best;
        best = best.max(candidate.agreement);
    }
}

/// The best of those that have `room` bytes at most, the smaller of equals.
pub fn best(candidates: &[Candidate], room: usize) -> Option<&Candidate> {
    candidates
        .iter()
        .rfind(|candidate| candidate.on_frontier && candidate.bytes <= room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frontier_has_what_nothing_smaller_equals() {
        let candidate = |bytes, agreement| Candidate {
            variant: Variant::default(),
            bytes,
            agreement,
            on_frontier: false,
            blob: Vec::new(),
            vocab_txt: None,
        };
        let mut all = [
            (30, 0.9),
            (10, 0.5),
            (20, 0.5),
            (15, 0.7),
            (15, 0.6),
            (40, 0.8),
        ]
        .map(|(bytes, agreement)| candidate(bytes, agreement));
        frontier(&mut all);
        let marked: Vec<usize> = all
            .iter()
            .filter(|c| c.on_frontier)
            .map(|c| c.bytes)
            .collect();
        assert_eq!(marked, [10, 15, 30]);
        assert_eq!(best(&all, 29).map(|c| c.bytes), Some(15));
        assert_eq!(best(&all, 100).map(|c| c.bytes), Some(30));
        assert!(best(&all, 9).is_none());
    }
}
