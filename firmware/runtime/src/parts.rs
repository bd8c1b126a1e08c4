//! What every kernel takes: kernels that note the instructions of those they stand before.

use core::cell::Cell;

use critical_section::Mutex;
use embert::Activation;
use embert::blob::{Linear, Matrix};
use embert::fixed::{FixedMultiplier, Requantizer};
use embert::kernels::{Activations, HiddenRow, InstructionSet, Kernels, RowScale, SoftmaxScales};
use embert_protocol::{Kernel, Part};

/// What is observed, and with which counter.
#[derive(Clone, Copy)]
struct Subject {
    set: InstructionSet,
    now: fn() -> u64,
}

/// Kernels that count.
struct Observer {
    subject: Mutex<Cell<Option<Subject>>>,
    parts: [Mutex<Cell<Part>>; Kernel::ALL.len()],
}

static OBSERVER: Observer = Observer {
    subject: Mutex::new(Cell::new(None)),
    parts: [const { Mutex::new(Cell::new(EMPTY)) }; Kernel::ALL.len()],
};

const EMPTY: Part = Part {
    calls: 0,
    instructions: 0,
};

/// The kernels of `set`, counting from zero with `now`.
pub fn observe(set: InstructionSet, now: fn() -> u64) -> InstructionSet {
    critical_section::with(|cs| {
        OBSERVER.subject.borrow(cs).set(Some(Subject { set, now }));
        for part in &OBSERVER.parts {
            part.borrow(cs).set(EMPTY);
        }
    });
    InstructionSet::custom(&OBSERVER)
}

/// What has been counted.
pub fn observed() -> impl Iterator<Item = (Kernel, Part)> {
    let parts = OBSERVER.parts.iter();
    let parts = parts.map(|part| critical_section::with(|cs| part.borrow(cs).get()));
    Kernel::ALL.into_iter().zip(parts)
}

impl Observer {
    fn count<R>(&self, kernel: Kernel, work: impl FnOnce(InstructionSet) -> R) -> R {
        let Some(Subject { set, now }) = critical_section::with(|cs| self.subject.borrow(cs).get())
        else {
            return work(InstructionSet::SCALAR);
        };
        let start = now();
        let result = work(set);
        let instructions = now() - start;
        critical_section::with(|cs| {
            let part = self.parts[kernel as usize].borrow(cs);
            let Part {
                calls,
                instructions: before,
            } = part.get();
            part.set(Part {
                calls: calls + 1,
                instructions: before + instructions,
            });
        });
        result
    }
}

impl Kernels for Observer {
    fn name(&self) -> &'static str {
        "observer"
    }

    fn matmul(&self, a: &[i8], b: &Matrix<'_>, out: &mut [i32], out_width: usize) {
        self.count(Kernel::Matmul, |set| set.matmul(a, b, out, out_width));
    }

    fn linear(
        &self,
        input: &Activations<'_>,
        layer: &Linear<'_>,
        first: usize,
        out: &mut [i32],
        out_width: usize,
    ) {
        self.count(Kernel::Linear, |set| {
            set.linear(input, layer, first, out, out_width);
        });
    }

    fn requantize(&self, row: &mut [i32], layer: &Linear<'_>, first: usize, scale: &RowScale) {
        self.count(Kernel::Requantize, |set| {
            set.requantize(row, layer, first, scale);
        });
    }

    fn softmax(&self, scores: &mut [i32], scales: &SoftmaxScales<'_>, out: &mut [i8]) -> u32 {
        self.count(Kernel::Softmax, |set| set.softmax(scores, scales, out))
    }

    fn activate(&self, kind: Activation, fraction_bits: u32, input: &[i32], out: &mut [i16]) {
        self.count(Kernel::Activate, |set| {
            set.activate(kind, fraction_bits, input, out);
        });
    }

    fn normalize(&self, row: &mut [i32], hidden: usize, gains: &[i32], epsilon: f32) {
        self.count(Kernel::Normalize, |set| {
            set.normalize(row, hidden, gains, epsilon);
        });
    }

    fn expand(&self, nibbles: &[i8], multipliers: &[u8], out: &mut [i8]) {
        self.count(Kernel::Expand, |set| set.expand(nibbles, multipliers, out));
    }

    fn add_embedding(&self, row: &[i8], multiplier: u16, sums: &mut [i32]) {
        self.count(Kernel::AddEmbedding, |set| {
            set.add_embedding(row, multiplier, sums);
        });
    }

    fn add_hidden(
        &self,
        row: &HiddenRow<'_>,
        restore: &[i32],
        factor: FixedMultiplier,
        sums: &mut [i32],
    ) {
        self.count(Kernel::AddHidden, |set| {
            set.add_hidden(row, restore, factor, sums);
        });
    }

    fn quantize_hidden(
        &self,
        row: &[i32],
        narrow: Requantizer,
        zero_point: i32,
        high: &mut [i8],
        low: &mut [u8],
    ) {
        self.count(Kernel::QuantizeHidden, |set| {
            set.quantize_hidden(row, narrow, zero_point, high, low);
        });
    }

    fn quantize(&self, row: &[i32], narrow: Requantizer, out: &mut [i8]) {
        self.count(Kernel::Quantize, |set| set.quantize(row, narrow, out));
    }

    fn quantize_activated(
        &self,
        row: &[i16],
        narrow: Requantizer,
        zero_point: i32,
        out: &mut [i8],
    ) {
        self.count(Kernel::QuantizeActivated, |set| {
            set.quantize_activated(row, narrow, zero_point, out);
        });
    }

    fn scale_down(&self, row: &[i8], ratio: i16, out: &mut [i8]) {
        self.count(Kernel::ScaleDown, |set| set.scale_down(row, ratio, out));
    }

    fn range(&self, row: &[i32]) -> (i32, i32) {
        self.count(Kernel::Range, |set| set.range(row))
    }

    fn range_activated(&self, row: &[i16]) -> (i32, i32) {
        self.count(Kernel::RangeActivated, |set| set.range_activated(row))
    }

    fn max_abs(&self, row: &[i32]) -> u32 {
        self.count(Kernel::MaxAbs, |set| set.max_abs(row))
    }

    fn pack_values(
        &self,
        rows: &[i8],
        first: usize,
        depth: usize,
        out: &mut [i8],
        sums: &mut [i32],
    ) {
        self.count(Kernel::PackValues, |set| {
            set.pack_values(rows, first, depth, out, sums);
        });
    }
}
