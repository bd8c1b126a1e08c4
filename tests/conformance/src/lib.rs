//! The same cases for every instruction set: held to the scalar definition, bit for bit, and
//! counted. Runs wherever the kernels run, so it has neither `std` nor an allocator.
#![no_std]
#![forbid(unsafe_code)]

mod check;
mod random;
mod stage;

pub use check::{Mismatch, check};
pub use stage::{Numbers, Stage};

use embert::kernels::InstructionSet;
use embert_protocol::Work;

/// Instructions (or whatever `now` counts) that `set` takes for `work`; `None` where `memory` is
/// too small for its operands.
pub fn measure(
    set: InstructionSet,
    work: &Work,
    memory: &mut [u8],
    now: impl Fn() -> u64,
) -> Option<u64> {
    let mut stage = Stage::new(memory, work, Numbers::Random, 0, 1)?;
    stage.prepare();
    let start = now();
    stage.run(set);
    Some(now() - start)
}
