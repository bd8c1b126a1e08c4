//! int4 weights: TBL looks the products of a multiplier up.

use super::vectors::{load_bytes, store_bytes};
use crate::blob::PAIR;
use crate::kernels::scalar::NIBBLE_PRODUCTS;
use crate::shape::BLOCK;
use core::arch::aarch64::*;

#[target_feature(enable = "neon")]
pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let pairs = nibbles.as_chunks::<BLOCK>().0.iter().zip(multipliers);
    for ((nibbles, &m), out) in pairs.zip(out.as_chunks_mut::<PAIR>().0) {
        let products = |m: u8| load_bytes(&NIBBLE_PRODUCTS[usize::from(m)]);
        let nibbles = vreinterpretq_u8_s8(load_bytes(nibbles));
        let low = vqtbl1q_s8(products(m & 15), vandq_u8(nibbles, vdupq_n_u8(15)));
        let high = vqtbl1q_s8(products(m >> 4), vshrq_n_u8(nibbles, 4));
        if let [first, second] = out.as_chunks_mut::<BLOCK>().0 {
            store_bytes(low, first);
            store_bytes(high, second);
        }
    }
}
