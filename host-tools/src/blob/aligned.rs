//! Bytes at the alignment that blobs and scratches need.

use std::ops::{Deref, DerefMut};

use bytemuck::{Pod, Zeroable};

/// 16 aligned bytes. `u128` is no substitute: 32-bit Arm aligns it to 8 bytes.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(16))]
struct Block([u8; 16]);

/// Owned bytes that start at a multiple of 16.
#[derive(Clone, Debug, Default)]
pub struct AlignedBytes {
    blocks: Vec<Block>,
    len: usize,
}

impl AlignedBytes {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        AlignedBytes {
            blocks: bytemuck::allocation::zeroed_vec(len.div_ceil(size_of::<Block>())),
            len,
        }
    }

    /// A copy of `bytes`.
    pub fn copy(bytes: &[u8]) -> Self {
        let mut aligned = Self::zeroed(bytes.len());
        aligned.copy_from_slice(bytes);
        aligned
    }
}

impl Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.blocks)[..self.len]
    }
}

impl DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.blocks)[..self.len]
    }
}

const _: () = assert!(align_of::<Block>() == embert::blob::ALIGNMENT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_aligned_and_as_many() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let aligned = AlignedBytes::copy(&vec![7; len]);
            assert_eq!(&aligned[..], vec![7; len]);
            assert!(aligned.as_ptr().addr().is_multiple_of(16));
        }
    }
}
