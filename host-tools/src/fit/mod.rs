//! The best blob within a budget of flash: what can be left out of a checkpoint, tried one way
//! after the other, and how far each stays with the float model.

pub mod picture;

use std::cmp::Ordering;

use embert::memory::{Plan, TILE};
use embert::{Model, blocks};
use serde::Serialize;

use crate::blob::AlignedBytes;
use crate::checkpoint::{Checkpoint, FloatModel};
use crate::quantize::{Options, Part, QuantizeError, quantize, shape};
use crate::transform::factorize::{FactorizeError, factorize};
use crate::transform::prune::{PruneError, prune};
use crate::validate::{Summary, ValidateError, compare};

/// One way to make a blob smaller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Variant {
    /// What is stored in 4 bits.
    pub int4: Vec<Part>,
    /// Pieces that the corpus yields less often are left out; none are if there is no number.
    pub vocab_min_count: Option<usize>,
    /// Channels that word embeddings are stored in; as many as they have if there is no number.
    pub rank: Option<usize>,
}

/// A variant that no memory is left for, whatever its weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    pub variant: Variant,
    /// What its texts need, bytes.
    pub scratch: usize,
    /// The most tokens that there is room for; `None` if for none.
    pub most_tokens: Option<usize>,
}

/// What has become of a variant.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    pub variant: Variant,
    /// Of the blob.
    pub bytes: usize,
    /// Share of labels or answers that are the float model's, the smaller one of intents and slots;
    /// or the mean cosine to its embeddings.
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
    Factorize(#[from] FactorizeError),
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    #[error(transparent)]
    Validate(#[from] ValidateError),
}

/// What is tried: with each vocabulary, every choice of parts in 4 bits; and with word embeddings of
/// half and a quarter of the rank, nothing, the embeddings or everything in 4 bits.
pub fn variants(model: &FloatModel, has_corpus: bool) -> Vec<Variant> {
    let vocabularies: &[Option<usize>] = match has_corpus {
        true => &[None, Some(1), Some(2), Some(4)],
        false => &[None],
    };
    let choices = (0..1 << Part::ALL.len()).map(|chosen| {
        let parts = (0..).zip(Part::ALL);
        let chosen = parts.filter(|(bit, _)| chosen >> bit & 1 == 1);
        (None, chosen.map(|(_, part)| part).collect())
    });
    let lower = ranks(model).into_iter().flat_map(|rank| {
        let parts: [&[Part]; 3] = [&[], &[Part::Embeddings], &Part::ALL];
        parts.map(|parts| (Some(rank), parts.to_vec()))
    });
    let choices: Vec<(Option<usize>, Vec<Part>)> = choices.chain(lower).collect();
    let variants = vocabularies.iter().flat_map(|&vocab_min_count| {
        let variants = choices.iter().cloned();
        variants.map(move |(rank, int4)| Variant {
            int4,
            vocab_min_count,
            rank,
        })
    });
    variants.collect()
}

/// Half and a quarter of the hidden size, in whole blocks; none where embeddings have a low rank
/// already.
fn ranks(model: &FloatModel) -> Vec<usize> {
    let ranks = [2, 4].map(|part| blocks(model.hidden / part));
    let mut ranks = ranks.to_vec();
    ranks.dedup();
    ranks.retain(|&rank| rank < model.hidden && model.word_projection.is_none());
    ranks
}

/// The variants whose texts of `tokens` tokens can be run in `room` bytes of scratch, and the
/// others, those that need least first.
///
/// The scratch follows from the shape alone, so nothing is quantized to know it. Weights in 4 bits
/// need more of it, to be expanded in.
pub fn by_scratch(
    checkpoint: &Checkpoint,
    variants: Vec<Variant>,
    tokens: usize,
    room: usize,
) -> (Vec<Variant>, Vec<LeftOut>) {
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for variant in variants {
        let shape = shape(checkpoint, &variant.int4);
        let scratch = Plan::new(&shape, tokens, TILE, 1).bytes();
        if scratch <= room {
            kept.push(variant);
        } else {
            left_out.push(LeftOut {
                variant,
                scratch,
                most_tokens: Plan::largest(&shape, room, TILE, 1).map(|plan| plan.tokens),
            });
        }
    }
    left_out.sort_by_key(|left_out| left_out.scratch);
    (kept, left_out)
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
        vocab_txt = Some(crate::transform::prune::vocab_txt(&smaller.tokenizer));
    }
    if let Some(rank) = variant.rank {
        factorize(&mut smaller, rank, &options.calibration)?;
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
    let intents = summary.intent_agreement.unwrap_or(1.0);
    let labels = summary.agreement.map(|labels| labels.min(intents));
    Ok(Candidate {
        variant,
        bytes: blob.len(),
        agreement: cosine.or(labels).unwrap_or_default(),
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
    use embert::Header;
    use embert_tests::tiny::{self, Flavour};

    #[test]
    fn variants_are_left_out_by_the_scratch_that_their_blobs_need() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        tiny::TOKEN.write(folder.path(), Flavour::usual(&tiny::TOKEN))?;
        let checkpoint = Checkpoint::open(folder.path(), None)?;
        let tokens = 12;
        let scratch = |int4: &[Part]| -> anyhow::Result<usize> {
            let options = Options {
                int4: int4.to_vec(),
                calibration: vec!["the king sings".into()],
                ..Options::default()
            };
            let blob = quantize(&checkpoint, &options, |_| {})?;
            let shape = Header::read(&blob)
                .map_err(QuantizeError::Unsupported)?
                .shape;
            Ok(embert::scratch_bytes(&shape, tokens))
        };
        let (int8, int4) = (scratch(&[])?, scratch(&[Part::Attention])?);
        assert!(int8 < int4, "{int8} and {int4} bytes");

        let split = |room| {
            by_scratch(
                &checkpoint,
                variants(&checkpoint.model, false),
                tokens,
                room,
            )
        };
        assert!(split(int4).1.is_empty());
        let (kept, left_out) = split(int4 - 1);
        let kept: Vec<(Option<usize>, &[Part])> = kept
            .iter()
            .map(|variant| (variant.rank, &variant.int4[..]))
            .collect();
        let tables = [&[][..], &[Part::Embeddings]];
        let expected = [None, Some(16)].map(|rank| tables.map(|parts| (rank, parts)));
        assert_eq!(kept, expected.concat());
        assert_eq!(left_out.len(), 7);
        for left_out in left_out {
            assert_eq!(left_out.scratch, int4);
            assert!(left_out.most_tokens.is_some_and(|most| most < tokens));
        }
        assert!(split(int8 - 1).0.is_empty());
        assert_eq!(split(100).1[0].most_tokens, None);
        Ok(())
    }

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
