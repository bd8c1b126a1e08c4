//! Every set against the scalar definition.

use crate::stage::{Numbers, Stage};
use core::fmt;
use embert::kernels::InstructionSet;
use embert_protocol::{Kernel, Work};

/// Work that a set does otherwise than the scalar definition.
#[derive(Clone, Copy, Debug)]
pub struct Mismatch {
    pub work: Work,
    pub numbers: Numbers,
    pub offset: usize,
    /// Which of the results, and the first byte of it that differs; `None`: no room for the work.
    pub place: Option<(usize, usize)>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch {
            work,
            numbers,
            offset,
            place,
        } = self;
        match place {
            Some((result, byte)) => write!(
                f,
                "{work}, {numbers:?}, offset {offset}: byte {byte} of result {result} is another"
            ),
            None => write!(f, "{work}: the memory is too small"),
        }
    }
}

/// Rows, depth and columns of products: every tail of rows, odd and even numbers of blocks, a
/// depth and a number of rows past every chunk.
const PRODUCTS: [(u32, u32, u32); 17] = [
    (1, 16, 16),
    (2, 32, 16),
    (3, 16, 48),
    (4, 64, 32),
    (5, 128, 64),
    (6, 48, 16),
    (7, 384, 32),
    (8, 80, 80),
    (9, 144, 16),
    (10, 112, 48),
    (11, 16, 64),
    (13, 16, 128),
    (16, 1536, 16),
    (33, 32, 144),
    (1, 640, 80),
    (21, 400, 64),
    (260, 16, 48),
];

/// Elements of rows: tails of every length below and above what vectors hold.
const WIDTHS: [u32; 9] = [16, 32, 48, 64, 80, 128, 144, 256, 384];

/// The kernels that work on whole blocks of 16 channels.
const BLOCKWISE: [Kernel; 14] = [
    Kernel::Activate,
    Kernel::Normalize,
    Kernel::Expand,
    Kernel::AddEmbedding,
    Kernel::AddHidden,
    Kernel::QuantizeHidden,
    Kernel::Quantize,
    Kernel::QuantizeActivated,
    Kernel::ScaleDown,
    Kernel::Range,
    Kernel::RangeActivated,
    Kernel::MaxAbs,
    Kernel::Requantize,
    Kernel::PackValues,
];

/// Holds `set` to the scalar definition over all cases; the number of them.
///
/// `memory` holds two stages of the largest case: 512 KiB are enough.
pub fn check(set: InstructionSet, memory: &mut [u8]) -> Result<u32, Mismatch> {
    let mut cases = Cases {
        set,
        memory,
        count: 0,
    };
    for kernel in [Kernel::Matmul, Kernel::Linear] {
        for (rows, depth, columns) in PRODUCTS {
            cases.all(Work::new(kernel, rows, depth, columns))?;
        }
    }
    for kernel in BLOCKWISE {
        for (index, columns) in WIDTHS.into_iter().enumerate() {
            // What the depth stands for here, another one for each width.
            cases.all(Work::new(kernel, 19, index as u32 * 5, columns))?;
        }
    }
    for setting in 0..27 {
        cases.all(Work::new(Kernel::Activate, 3, setting, 64))?;
    }
    // One key, and all tails.
    for keys in (1..=70).chain([127, 128, 321]) {
        cases.all(Work::new(Kernel::Softmax, 3, keys, keys))?;
    }
    Ok(cases.count)
}

struct Cases<'m> {
    set: InstructionSet,
    memory: &'m mut [u8],
    count: u32,
}

impl Cases<'_> {
    fn all(&mut self, work: Work) -> Result<(), Mismatch> {
        for numbers in Numbers::ALL {
            // On whole vectors, on nothing, and bytes on words.
            for offset in [0, 1, 4] {
                self.one(work, numbers, offset).map_err(|place| Mismatch {
                    work,
                    numbers,
                    offset,
                    place,
                })?;
                self.count += 1;
            }
        }
        Ok(())
    }

    fn one(
        &mut self,
        work: Work,
        numbers: Numbers,
        offset: usize,
    ) -> Result<(), Option<(usize, usize)>> {
        let half = self.memory.len() / 32 * 16;
        let (left, right) = self.memory.split_at_mut(half);
        let seed = u64::from(self.count);
        let mut expected = Stage::new(left, &work, numbers, offset, seed).ok_or(None)?;
        let mut found = Stage::new(right, &work, numbers, offset, seed).ok_or(None)?;
        expected.prepare();
        expected.run(InstructionSet::SCALAR);
        found.prepare();
        found.run(self.set);
        let results = expected.results().into_iter().zip(found.results());
        for (index, (expected, found)) in results.enumerate() {
            if expected != found {
                let byte = expected.iter().zip(found).position(|(a, b)| a != b);
                return Err(Some((index, byte.unwrap_or_default())));
            }
        }
        Ok(())
    }
}
