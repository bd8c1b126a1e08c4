//! Values of tokens, turned into columns of the matrix that attention mixes them with.

use crate::kernels::scalar;
use crate::shape::BLOCK;
use core::arch::aarch64::*;

/// Tokens packed together.
const TOKENS: usize = 4;

#[target_feature(enable = "neon")]
pub fn pack(rows: &[i8], first: usize, depth: usize, out: &mut [i8], sums: &mut [i32]) {
    let channels = sums.len();
    let fits = channels.is_multiple_of(BLOCK)
        && channels > 0
        && first.is_multiple_of(TOKENS)
        && depth.is_multiple_of(BLOCK)
        && first + rows.len() / channels <= depth
        && out.len() >= channels * depth;
    if !fits {
        return scalar::pack_values(rows, first, depth, out, sums);
    }
    let tiles = rows.chunks_exact(TOKENS * channels);
    let (rest, whole) = (tiles.remainder(), tiles.len() * TOKENS);
    for (tile, rows) in tiles.enumerate() {
        let column = first + tile * TOKENS;
        let place = column / BLOCK * BLOCK * BLOCK + column % BLOCK;
        for (block, sums) in sums.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            let tokens: [int8x16_t; TOKENS] = core::array::from_fn(|token| {
                let channels = &rows[token * channels + block * BLOCK..][..BLOCK];
                // SAFETY: 16 channels.
                unsafe { vld1q_s8(channels.as_ptr()) }
            });
            let out = &mut out[block * BLOCK * depth + place..][..BLOCK * BLOCK - BLOCK + TOKENS];
            transpose(tokens, out);
            add(tokens, sums);
        }
    }
    scalar::pack_values(rest, first + whole, depth, out, sums);
}

/// Writes the tokens' bytes of each channel, a block's row apart.
#[inline]
#[target_feature(enable = "neon")]
fn transpose([a, b, c, d]: [int8x16_t; TOKENS], out: &mut [i8]) {
    assert!(out.len() >= (BLOCK - 1) * BLOCK + TOKENS);
    let halves = |v| vreinterpretq_s16_s8(v);
    let (ab, cd) = (halves(vzip1q_s8(a, b)), halves(vzip1q_s8(c, d)));
    let (ab_high, cd_high) = (halves(vzip2q_s8(a, b)), halves(vzip2q_s8(c, d)));
    let quads = [
        vzip1q_s16(ab, cd),
        vzip2q_s16(ab, cd),
        vzip1q_s16(ab_high, cd_high),
        vzip2q_s16(ab_high, cd_high),
    ];
    for (index, quad) in quads.into_iter().enumerate() {
        let quad = vreinterpretq_s32_s16(quad);
        let lanes = [
            vgetq_lane_s32::<0>(quad),
            vgetq_lane_s32::<1>(quad),
            vgetq_lane_s32::<2>(quad),
            vgetq_lane_s32::<3>(quad),
        ];
        for (lane, bytes) in lanes.into_iter().enumerate() {
            let start = (index * 4 + lane) * BLOCK;
            // SAFETY: the last of the 16 channels has its 4 bytes, by the assertion.
            unsafe {
                out.as_mut_ptr()
                    .add(start)
                    .cast::<i32>()
                    .write_unaligned(bytes)
            };
        }
    }
}

/// Adds the tokens of 16 channels to their sums.
#[inline]
#[target_feature(enable = "neon")]
fn add([a, b, c, d]: [int8x16_t; TOKENS], sums: &mut [i32; BLOCK]) {
    let pair = |a, b| vaddl_s8(vget_low_s8(a), vget_low_s8(b));
    let pair_high = |a, b| vaddl_high_s8(a, b);
    let low = vaddq_s16(pair(a, b), pair(c, d));
    let high = vaddq_s16(pair_high(a, b), pair_high(c, d));
    let [s, t, u, v] = super::vectors::load_words(sums);
    let added = [
        vaddw_s16(s, vget_low_s16(low)),
        vaddw_high_s16(t, low),
        vaddw_s16(u, vget_low_s16(high)),
        vaddw_high_s16(v, high),
    ];
    super::vectors::store_words(added, sums);
}
