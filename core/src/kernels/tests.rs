//! Every instruction set against the scalar definition: the same cases for each.

use super::{Activations, InstructionSet, RowScale};
use crate::blob::{Linear, Matrix};
use std::vec::Vec;

/// A small linear congruential generator: the same cases every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 32) as u32
    }

    fn bytes(&mut self, len: usize, extreme: bool) -> Vec<i8> {
        let byte = |r: u32| match (extreme, r & 3) {
            (true, 0) => i8::MIN,
            (true, 1) => i8::MAX,
            (true, 2) => 0,
            _ => (r >> 8) as i8,
        };
        (0..len).map(|_| byte(self.next())).collect()
    }
}

/// Weights in blocks with their sums, for `columns` and `depth` in whole blocks.
fn column_sums(data: &[i8], columns: usize, depth: usize) -> Vec<i32> {
    let mut sums = std::vec![0; columns];
    for (index, &weight) in data.iter().enumerate() {
        let column = index / (16 * depth) * 16 + index % 256 / 16;
        sums[column] += weight as i32;
    }
    sums
}

const SHAPES: [(usize, usize, usize); 9] = [
    (1, 16, 16),
    (2, 32, 16),
    (3, 16, 48),
    (4, 64, 32),
    (5, 128, 64),
    (6, 48, 16),
    (7, 384, 32),
    (13, 16, 128),
    (16, 1536, 16),
];

#[test]
fn matmul_equals_scalar() {
    let mut random = Random(1);
    for set in InstructionSet::available() {
        for (rows, depth, columns) in SHAPES {
            for extreme in [false, true] {
                let a = random.bytes(rows * depth, extreme);
                let data = random.bytes(columns * depth, extreme);
                let b = Matrix {
                    data: &data,
                    columns,
                    depth,
                };
                let mut want = std::vec![7; rows * columns];
                let mut got = want.clone();
                InstructionSet::SCALAR.matmul(&a, &b, &mut want, columns);
                set.matmul(&a, &b, &mut got, columns);
                assert_eq!(got, want, "{} {rows}x{depth}x{columns}", set.name());
            }
        }
    }
}

#[test]
fn linear_equals_scalar() {
    let mut random = Random(2);
    for set in InstructionSet::available() {
        for (rows, depth, columns) in SHAPES {
            for extreme in [false, true] {
                let values = random.bytes(rows * depth, extreme);
                let data = random.bytes(columns * depth, extreme);
                let multipliers: Vec<i32> =
                    (0..columns).map(|_| (random.next() >> 2) as i32).collect();
                let biases: Vec<i32> = (0..columns).map(|_| random.next() as i32 >> 4).collect();
                let scales: Vec<RowScale> = (0..rows)
                    .map(|row| RowScale {
                        scale: 0.37f32 / (1 << (row % 12)) as f32,
                        zero_point: (random.next() & 255) as i32 - 128,
                    })
                    .collect();
                let layer = Linear {
                    weights: Matrix {
                        data: &data,
                        columns,
                        depth,
                    },
                    multipliers: &multipliers,
                    column_sums: &column_sums(&data, columns, depth),
                    biases: &biases,
                    scale: 0.9,
                    unit: 1.0,
                };
                let input = Activations {
                    values: &values,
                    width: depth,
                    rows: &scales,
                };
                for (first, width) in [(0, columns), (columns - 16, 16)] {
                    let mut want = std::vec![7; rows * width];
                    let mut got = want.clone();
                    InstructionSet::SCALAR.linear(&input, &layer, first, &mut want, width);
                    set.linear(&input, &layer, first, &mut got, width);
                    assert_eq!(got, want, "{} {rows}x{depth}x{columns}", set.name());
                }
            }
        }
    }
}
