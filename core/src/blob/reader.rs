//! A cursor over the sections of a blob.

use super::{ALIGNMENT, ParseError};
use bytemuck::AnyBitPattern;

/// Takes aligned sections off the front of a blob; every step is checked.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at bytes whose address is a multiple of [`ALIGNMENT`].
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `len` bytes, and past the gap that follows them.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], ParseError> {
        let short = ParseError::Length {
            expected: len,
            found: self.rest.len(),
        };
        let padded = len.checked_next_multiple_of(ALIGNMENT).ok_or(short)?;
        let (section, rest) = self.rest.split_at_checked(padded).ok_or(short)?;
        self.rest = rest;
        Ok(&section[..len])
    }

    /// The next `count` numbers.
    pub fn numbers<T: AnyBitPattern>(&mut self, count: usize) -> Result<&'a [T], ParseError> {
        let len = count.checked_mul(size_of::<T>()).ok_or(ParseError::Shape)?;
        bytemuck::try_cast_slice(self.bytes(len)?).map_err(|_| ParseError::Misaligned)
    }

    /// The next number that says how to read what follows.
    pub fn setting(&mut self) -> Result<u32, ParseError> {
        Ok(self.numbers(1)?.first().copied().unwrap_or_default())
    }

    /// The next four scales: each a normal positive number, small enough that no product of
    /// three of them leaves the range of `f32`.
    pub fn scales(&mut self) -> Result<[f32; 4], ParseError> {
        let numbers: &[f32] = self.numbers(4)?;
        let mut scales = [0.0; 4];
        for (scale, &number) in scales.iter_mut().zip(numbers) {
            if !(1e-12..=1e12).contains(&number) {
                return Err(ParseError::Scale);
            }
            *scale = number;
        }
        Ok(scales)
    }

    /// The next `count` multipliers, each in `0..2^30`.
    pub fn multipliers(&mut self, count: usize) -> Result<&'a [i32], ParseError> {
        let multipliers: &[i32] = self.numbers(count)?;
        // One pass without early exit, which compilers turn into vector code.
        if multipliers.iter().fold(0, |all, &m| all | m) & !0x3fff_ffff != 0 {
            return Err(ParseError::Multiplier);
        }
        Ok(multipliers)
    }

    /// The next `count` multipliers, each of a magnitude below 2^30.
    pub fn signed_multipliers(&mut self, count: usize) -> Result<&'a [i32], ParseError> {
        let multipliers: &[i32] = self.numbers(count)?;
        if multipliers.iter().fold(0, |all, &m| all | m.unsigned_abs()) >> 30 != 0 {
            return Err(ParseError::Multiplier);
        }
        Ok(multipliers)
    }
}
