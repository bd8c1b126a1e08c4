//! Self-attention of several heads, `softmax(Q Kᵀ / √d) V` (Vaswani et al., arXiv 1706.03762,
//! section 3.2), each sequence for itself.

use super::exp::exp;
use super::rows::{dot, sum};
use super::{Dropout, Matrix, MatrixMut, product, vectorized};
use rayon::prelude::*;
use std::ops::Range;

/// How queries, keys and values lie in a row: all heads of the queries, then of keys and values.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    pub heads: usize,
    /// Channels of a head.
    pub width: usize,
}

impl Heads {
    /// Channels of all heads.
    pub fn hidden(self) -> usize {
        self.heads * self.width
    }

    /// Attention weights of a sequence.
    pub fn weights(self, tokens: usize) -> usize {
        self.heads * tokens * tokens
    }

    /// Queries, keys or values (0, 1, 2) of a head in the rows of a sequence.
    pub(super) fn part(self, rows: &[f32], tokens: usize, part: usize, head: usize) -> Matrix<'_> {
        let first = part * self.hidden() + head * self.width;
        Matrix::strided(&rows[first..], tokens, self.width, 3 * self.hidden())
    }

    pub(super) fn part_mut(
        self,
        rows: &mut [f32],
        tokens: usize,
        part: usize,
        head: usize,
    ) -> MatrixMut<'_> {
        let first = part * self.hidden() + head * self.width;
        MatrixMut::strided(&mut rows[first..], tokens, self.width, 3 * self.hidden())
    }

    pub(super) fn scale(self) -> f32 {
        1.0 / (self.width as f32).sqrt()
    }
}

/// Cuts `all` into the parts of the sequences, each of `size(tokens)`.
fn split<'a>(
    mut all: &'a mut [f32],
    sequences: &[Range<usize>],
    size: impl Fn(usize) -> usize,
) -> Vec<&'a mut [f32]> {
    let parts = sequences.iter().map(|sequence| {
        let (part, rest) = std::mem::take(&mut all).split_at_mut(size(sequence.len()));
        all = rest;
        part
    });
    parts.collect()
}

/// Writes the context, `[tokens x hidden]`, and the attention weights, which the backward pass
/// needs; `qkv` is `[tokens x 3 hidden]`.
pub fn attend(
    heads: Heads,
    qkv: &[f32],
    sequences: &[Range<usize>],
    dropout: Dropout,
    weights: &mut Vec<f32>,
    context: &mut [f32],
) {
    let hidden = heads.hidden();
    let all: usize = sequences.iter().map(|s| heads.weights(s.len())).sum();
    weights.resize(all, 0.0);
    let weights = split(weights, sequences, |tokens| heads.weights(tokens));
    let contexts = split(context, sequences, |tokens| tokens * hidden);
    let work = sequences.par_iter().zip(weights).zip(contexts).enumerate();
    work.for_each(|(index, ((sequence, weights), context))| {
        let tokens = sequence.len();
        let rows = &qkv[sequence.start * 3 * hidden..sequence.end * 3 * hidden];
        let dropout = dropout.at(index as u32);
        let mut dropped = Vec::new();
        for (head, weights) in weights.chunks_exact_mut(tokens * tokens).enumerate() {
            let part = |part| heads.part(rows, tokens, part, head);
            let mut scores = MatrixMut::new(weights, tokens, tokens);
            product(&mut scores, part(0), part(1).t(), heads.scale(), false);
            softmax(weights, tokens);
            dropped.clear();
            dropped.extend_from_slice(weights);
            dropout.apply_from(head * tokens * tokens, &mut dropped);
            let first = head * heads.width;
            let mut out = MatrixMut::strided(&mut context[first..], tokens, heads.width, hidden);
            let dropped = Matrix::new(&dropped, tokens, tokens);
            product(&mut out, dropped, part(2), 1.0, false);
        }
    });
}

/// Writes the gradient of `qkv` by that of the context.
pub fn attend_backward(
    heads: Heads,
    qkv: &[f32],
    sequences: &[Range<usize>],
    dropout: Dropout,
    weights: &[f32],
    dcontext: &[f32],
    dqkv: &mut [f32],
) {
    let hidden = heads.hidden();
    let gradients = split(dqkv, sequences, |tokens| tokens * 3 * hidden);
    let firsts = sequences.iter().scan(0, |first, sequence| {
        let start = *first;
        *first += heads.weights(sequence.len());
        Some(start)
    });
    let firsts: Vec<usize> = firsts.collect();
    let work = sequences.par_iter().zip(firsts).zip(gradients).enumerate();
    work.for_each(|(index, ((sequence, first), gradient))| {
        let tokens = sequence.len();
        let rows = &qkv[sequence.start * 3 * hidden..sequence.end * 3 * hidden];
        let dcontext = &dcontext[sequence.start * hidden..sequence.end * hidden];
        let dropout = dropout.at(index as u32);
        let weights = &weights[first..][..heads.weights(tokens)];
        let (mut dropped, mut dscores) = (Vec::new(), vec![0.0; tokens * tokens]);
        for (head, weights) in weights.chunks_exact(tokens * tokens).enumerate() {
            let part = |part| heads.part(rows, tokens, part, head);
            let place = head * tokens * tokens;
            dropped.clear();
            dropped.extend_from_slice(weights);
            dropout.apply_from(place, &mut dropped);
            let first = head * heads.width;
            let dout = Matrix::strided(&dcontext[first..], tokens, heads.width, hidden);
            let dropped = Matrix::new(&dropped, tokens, tokens);
            let mut dvalues = heads.part_mut(gradient, tokens, 2, head);
            product(&mut dvalues, dropped.t(), dout, 1.0, false);

            let mut out = MatrixMut::new(&mut dscores, tokens, tokens);
            product(&mut out, dout, part(2).t(), 1.0, false);
            dropout.apply_from(place, &mut dscores);
            softmax_backward(weights, &mut dscores, tokens);
            let dscores = Matrix::new(&dscores, tokens, tokens);
            let mut dqueries = heads.part_mut(gradient, tokens, 0, head);
            product(&mut dqueries, dscores, part(1), heads.scale(), false);
            let mut dkeys = heads.part_mut(gradient, tokens, 1, head);
            product(&mut dkeys, dscores.t(), part(0), heads.scale(), false);
        }
    });
}

/// Softmax of each row.
pub fn softmax(rows: &mut [f32], width: usize) {
    vectorized(
        #[inline(always)]
        || {
            for row in rows.chunks_exact_mut(width) {
                let largest = row.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v));
                row.iter_mut().for_each(|v| *v = exp(*v - largest));
                let scale = 1.0 / sum(row);
                row.iter_mut().for_each(|v| *v *= scale);
            }
        },
    );
}

/// Turns the gradients of weights into those of scores.
pub fn softmax_backward(weights: &[f32], gradient: &mut [f32], width: usize) {
    vectorized(
        #[inline(always)]
        || {
            let rows = gradient.chunks_exact_mut(width);
            for (gradient, weights) in rows.zip(weights.chunks_exact(width)) {
                let along = dot(gradient, weights);
                let pairs = gradient.iter_mut().zip(weights);
                pairs.for_each(|(g, p)| *g = (*g - along) * p);
            }
        },
    );
}
