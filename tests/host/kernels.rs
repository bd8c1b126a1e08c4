//! The instruction sets of this machine against the scalar kernels.

use embert::kernels::InstructionSet;

#[test]
fn every_set_of_this_machine_equals_scalar() {
    let mut memory = vec![0u128; (512 << 10) / 16];
    for set in InstructionSet::available() {
        match embert_conformance::check(set, bytemuck::cast_slice_mut(&mut memory)) {
            Ok(cases) => assert!(cases > 2000, "{set:?}: {cases} cases"),
            Err(mismatch) => panic!("{set:?}: {mismatch}"),
        }
    }
}

/// Layers in the x86-64 format give the sums that scalar computes from the same weights in columns.
#[cfg(target_arch = "x86_64")]
#[test]
fn every_set_takes_weights_in_vnni4() {
    use embert::blob::{Format, Linear, Matrix};
    use embert::kernels::{Activations, RowScale};

    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as i8
    };
    for (depth, columns) in [(16, 16), (48, 96), (400, 144), (1600, 80)] {
        let data: Vec<i8> = (0..columns * depth).map(|_| next()).collect();
        let vnni4: Vec<i8> = data
            .chunks_exact(256)
            .flat_map(|block| {
                (0..256).map(|i| block[i / 4 % 16 * 16 + i / 64 * 4 + i % 4] ^ i8::MIN)
            })
            .collect();
        let numbers: Vec<i32> = (0..columns).map(|_| i32::from(next()) << 20).collect();
        let multipliers: Vec<i32> = numbers.iter().map(|n| n & 0x3fff_ffff).collect();
        let layer = |data, format| Linear {
            weights: Matrix {
                data,
                columns,
                depth,
                format,
            },
            groups: &[],
            multipliers: &multipliers,
            column_sums: &numbers,
            biases: &numbers,
            scale: 0.9,
            unit: 1.0,
        };
        for rows in [1, 2, 5, 6, 7, 20, 21, 70, 257] {
            let values: Vec<i8> = (0..rows * depth).map(|_| next()).collect();
            let scales: Vec<RowScale> = (0..rows)
                .map(|row| RowScale {
                    scale: 0.5 + row as f32 / 64.0,
                    zero_point: i32::from(next()),
                })
                .collect();
            let input = Activations {
                values: &values,
                width: depth,
                rows: &scales,
            };
            for first in [0, columns - 16] {
                let width = columns - first;
                let mut expected = vec![0; rows * width];
                let columnwise = layer(&data, Format::Columns);
                InstructionSet::SCALAR.linear(&input, &columnwise, first, &mut expected, width);
                for set in InstructionSet::available() {
                    let mut found = vec![0; rows * width];
                    set.linear(
                        &input,
                        &layer(&vnni4, Format::Vnni4),
                        first,
                        &mut found,
                        width,
                    );
                    assert!(
                        found == expected,
                        "{set:?}: {rows} x {depth} x {columns}, {first}"
                    );
                }
            }
        }
    }
}
