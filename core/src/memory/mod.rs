//! Scratch memory: an aligned buffer, handed out region by region.
//!
//! Each module that computes owns a `const fn` for the bytes it takes, beside the code that takes
//! them; [`Plan`](crate::Plan) adds them up.

mod arena;

#[doc(hidden)]
pub use arena::Arena;
pub use arena::OutOfScratch;

/// Alignment of the scratch, bytes.
pub const SCRATCH_ALIGNMENT: usize = 16;

/// A scratch for statics and stacks: zeros, aligned.
#[derive(Clone, Debug)]
#[repr(C, align(16))]
pub struct Scratch<const BYTES: usize>(pub [u8; BYTES]);

impl<const BYTES: usize> Scratch<BYTES> {
    pub const fn new() -> Self {
        Scratch([0; BYTES])
    }
}

impl<const BYTES: usize> Default for Scratch<BYTES> {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes of `rows * width` elements, as [`Arena::take`] takes them.
///
/// Saturates: what no memory holds must not look small, on 32-bit machines least of all.
pub(crate) const fn region<T>(rows: usize, width: usize) -> usize {
    let bytes = rows.saturating_mul(width).saturating_mul(size_of::<T>());
    bytes
        .div_ceil(SCRATCH_ALIGNMENT)
        .saturating_mul(SCRATCH_ALIGNMENT)
}

pub(crate) const fn sum<const N: usize>(regions: [usize; N]) -> usize {
    let (mut sum, mut i) = (0usize, 0);
    while i < N {
        sum = sum.saturating_add(regions[i]);
        i += 1;
    }
    sum
}

pub(crate) const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}
