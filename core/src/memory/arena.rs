//! The scratch, handed out piece by piece.

use super::region;
use bytemuck::Pod;

/// The scratch was smaller than its plan: cannot happen to an engine, which checks it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfScratch;

/// Hands out the scratch from its front.
pub struct Arena<'s> {
    rest: &'s mut [u8],
}

impl<'s> Arena<'s> {
    pub fn new(bytes: &'s mut [u8]) -> Self {
        Arena { rest: bytes }
    }

    /// The next `count` elements, with whatever values the memory holds.
    pub fn take<T: Pod>(&mut self, count: usize) -> Result<&'s mut [T], OutOfScratch> {
        let (bytes, rest) = core::mem::take(&mut self.rest)
            .split_at_mut_checked(region::<T>(1, count))
            .ok_or(OutOfScratch)?;
        self.rest = rest;
        let bytes = bytes
            .get_mut(..count * size_of::<T>())
            .ok_or(OutOfScratch)?;
        bytemuck::try_cast_slice_mut(bytes).map_err(|_| OutOfScratch)
    }

    /// The rest once more, for a phase whose memory the next phase may use again.
    pub fn phase(&mut self) -> Arena<'_> {
        Arena { rest: self.rest }
    }

    /// Bytes not handed out.
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
