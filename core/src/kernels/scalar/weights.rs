//! Weights on their way out of a blob.

use crate::blob::PAIR;
use crate::shape::BLOCK;

#[inline]
pub fn add_embedding(row: &[i8], multiplier: u16, sums: &mut [i32]) {
    for (sum, &weight) in sums.iter_mut().zip(row) {
        *sum = sum.wrapping_add(weight as i32 * multiplier as i32);
    }
}

/// `(n - 8) * m` for every multiplier `m` and nibble `n`: for sets that look bytes up.
pub const NIBBLE_PRODUCTS: [[i8; BLOCK]; 16] = {
    let mut products = [[0; BLOCK]; 16];
    let mut i = 0;
    while i < 256 {
        products[i / 16][i % 16] = ((i % 16) as i8 - 8) * (i / 16) as i8;
        i += 1;
    }
    products
};

#[inline]
pub fn expand(nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
    let pairs = nibbles.chunks_exact(BLOCK).zip(out.chunks_exact_mut(PAIR));
    for ((nibbles, out), &m) in pairs.zip(multipliers) {
        // No product leaves 8 bits, in which compilers multiply whole vectors of them.
        let weight = |n: i8, m: u8| (n - 8).wrapping_mul(m as i8);
        let (first, second) = out.split_at_mut(BLOCK);
        for (out, &n) in first.iter_mut().zip(nibbles) {
            *out = weight(n & 15, m & 15);
        }
        for (out, &n) in second.iter_mut().zip(nibbles) {
            *out = weight((n as u8 >> 4) as i8, m >> 4);
        }
    }
}
