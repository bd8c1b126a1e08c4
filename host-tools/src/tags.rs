//! Tags of words, as the engine finds them, by the logits of a float model.

use embert::TokenLabel;
use embert::heads::{ViterbiScratch, WordPosition, decode_tags, step_bytes};

/// The tag of each token; `logits` has the scores of a token for each of `names`.
pub fn decode<'l>(
    names: &[String],
    places: &[WordPosition],
    logits: impl Fn(usize) -> &'l [f32],
) -> Vec<TokenLabel> {
    let (tokens, labels) = (places.len(), names.len());
    let mut decoded = vec![TokenLabel::default(); tokens];
    let mut memory = ViterbiScratch {
        inside: &mut vec![0; labels],
        best: &mut vec![0.0; labels],
        logits: &mut vec![0.0; labels],
        steps: &mut vec![0; tokens * step_bytes(labels)],
    };
    memory.name(names.iter().map(String::as_str));
    let copy = |token: usize, out: &mut [f32]| out.copy_from_slice(logits(token));
    decode_tags(&mut decoded, |token| places[token], copy, &mut memory);
    decoded
}
