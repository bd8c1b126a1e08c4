//! Matrix products: tiles of 6 rows by 16 columns, 12 of the 16 registers.
//!
//! AVX2 has no exact product of bytes: weights and inputs are widened, and `vpmaddwd` multiplies
//! 16 pairs of 16-bit numbers and adds them in twos. AVX-VNNI has `vpdpbusd`, which multiplies 32
//! bytes and adds them in fours, one operand unsigned: weights are, by 128 more than they stand
//! for, and each sum starts from -128 times the sum of the inputs.

use super::vectors::{HALF, Products, load, load_bytes};
use crate::kernels::x86_64::product::{BLOCK_BYTES, Columns, PANEL_BYTES, Row, Tile, Tiling};
use crate::shape::BLOCK;
use core::arch::x86_64::*;
use core::mem::MaybeUninit;

/// Rows of a tile.
const ROWS: usize = 6;

pub static AVX2: Tiling = Tiling {
    rows: ROWS,
    block_columns: 4,
    weight_bytes: 2,
    starts: starts_at_zero,
    pack: pack_wide,
    pack_fours: Some(pack_fours_wide),
    multiply: multiply_wide,
    multiply_direct: multiply_wide,
    direct_rows: 0,
    requantize,
};

pub static AVX_VNNI: Tiling = Tiling {
    rows: ROWS,
    block_columns: 4,
    weight_bytes: 1,
    starts,
    pack,
    pack_fours: None,
    multiply,
    multiply_direct: multiply,
    direct_rows: 0,
    requantize,
};

/// Inputs of a tile's row at most: where a panel is a single block column.
const DEEPEST: usize = PANEL_BYTES / (BLOCK * 2);

fn starts_at_zero(_inputs: &[i8], _depth: usize, starts: &mut [i32]) {
    starts.fill(0);
}

/// -128 times the sum of each row's inputs.
#[target_feature(enable = "avx2,avxvnni")]
fn starts(inputs: &[i8], depth: usize, starts: &mut [i32]) {
    for (start, row) in starts.iter_mut().zip(inputs.chunks_exact(depth)) {
        let mut sums = _mm_setzero_si128();
        for block in row.as_chunks::<BLOCK>().0 {
            sums = _mm_dpbusd_avx_epi32(sums, _mm_set1_epi8(1), load_bytes(block));
        }
        let sums = _mm_hadd_epi32(sums, sums);
        let sums = _mm_hadd_epi32(sums, sums);
        *start = _mm_cvtsi128_si32(sums).wrapping_mul(-128);
    }
}

/// Four numbers of each of 8 columns, of which the first four and the last four share vectors by
/// twos, become 8 columns of each of the four numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    let (ab, ab_upper) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    let (cd, cd_upper) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    [
        _mm256_unpacklo_epi64(ab, cd),
        _mm256_unpackhi_epi64(ab, cd),
        _mm256_unpacklo_epi64(ab_upper, cd_upper),
        _mm256_unpackhi_epi64(ab_upper, cd_upper),
    ]
}

/// A block's 16 columns of 16 inputs become 4 times 4 successive inputs of all columns.
///
/// # Safety
/// `panel` has room for as many bytes as there are in `blocks`.
#[target_feature(enable = "avx2")]
unsafe fn pack(blocks: &[i8], panel: *mut u8) {
    for (index, block) in blocks.as_chunks::<BLOCK_BYTES>().0.iter().enumerate() {
        let columns = block.as_chunks::<BLOCK>().0;
        for half in 0..2 {
            let vectors = transpose([0, 1, 2, 3].map(|i| {
                let column = half * HALF + i;
                let (first, last) = (
                    load_bytes(&columns[column]),
                    load_bytes(&columns[column + 4]),
                );
                _mm256_xor_si256(_mm256_set_m128i(last, first), _mm256_set1_epi8(-128))
            }));
            for (four, vector) in vectors.into_iter().enumerate() {
                let place = index * BLOCK_BYTES + four * 64 + half * 32;
                // SAFETY: as the caller says.
                unsafe { _mm256_storeu_si256(panel.add(place).cast(), vector) };
            }
        }
    }
}

/// A block's 16 columns of 16 inputs become 8 times 2 successive inputs of all columns, in 16 bits.
///
/// # Safety
/// `panel` has room for twice as many bytes as there are in `blocks`.
#[target_feature(enable = "avx2")]
unsafe fn pack_wide(blocks: &[i8], panel: *mut u8) {
    for (index, block) in blocks.as_chunks::<BLOCK_BYTES>().0.iter().enumerate() {
        let columns = block.as_chunks::<BLOCK>().0;
        for half in 0..2 {
            let pairs = [0, 1, 2, 3].map(|i| {
                let column = half * HALF + i;
                (
                    load_bytes(&columns[column]),
                    load_bytes(&columns[column + 4]),
                )
            });
            let inputs = [
                pairs.map(|(first, last)| _mm_unpacklo_epi64(first, last)),
                pairs.map(|(first, last)| _mm_unpackhi_epi64(first, last)),
            ];
            for (four, inputs) in inputs.into_iter().enumerate() {
                let vectors = transpose(inputs.map(|bytes| _mm256_cvtepi8_epi16(bytes)));
                for (two, vector) in vectors.into_iter().enumerate() {
                    let place = index * 2 * BLOCK_BYTES + (four * 4 + two) * 64 + half * 32;
                    // SAFETY: as the caller says.
                    unsafe { _mm256_storeu_si256(panel.add(place).cast(), vector) };
                }
            }
        }
    }
}

/// The same of blocks in [`crate::blob::Format::Vnni4`].
///
/// # Safety
/// `panel` has room for twice as many bytes as there are in `blocks`.
#[target_feature(enable = "avx2")]
unsafe fn pack_fours_wide(blocks: &[i8], panel: *mut u8) {
    // The first two inputs of each of 4 columns, then the last two.
    let twos = _mm256_set_epi64x(
        0x0f0e_0b0a_0706_0302,
        0x0d0c_0908_0504_0100,
        0x0f0e_0b0a_0706_0302,
        0x0d0c_0908_0504_0100,
    );
    let offset = _mm256_set1_epi8(-128);
    for (index, fours) in blocks.as_chunks::<{ 2 * BLOCK }>().0.iter().enumerate() {
        let (four, half) = (index / 2, index % 2);
        // SAFETY: 8 columns of 4 inputs have 32 bytes, and there is room as the caller says.
        unsafe {
            let fours = _mm256_xor_si256(_mm256_loadu_si256(fours.as_ptr().cast()), offset);
            let twos = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(fours, twos), 0b11_01_10_00);
            let first = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(twos));
            let last = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(twos, 1));
            let place = panel.add(four * 128 + half * 32);
            _mm256_storeu_si256(place.cast(), first);
            _mm256_storeu_si256(place.add(64).cast(), last);
        }
    }
}

/// See [`Tiling::multiply`].
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn multiply(tile: &Tile) {
    // SAFETY: as the caller says.
    unsafe {
        match tile.rows {
            1 => multiply_tile::<1>(tile),
            2 => multiply_tile::<2>(tile),
            3 => multiply_tile::<3>(tile),
            4 => multiply_tile::<4>(tile),
            5 => multiply_tile::<5>(tile),
            _ => multiply_tile::<ROWS>(tile),
        }
    }
}

/// A tile of `R` rows.
#[inline]
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn multiply_tile<const R: usize>(tile: &Tile) {
    for column in 0..tile.block_columns {
        // SAFETY: as the caller says, `tile` has `R` rows of inputs, and `block_columns` block
        // columns of `blocks` blocks in the panel: 4 times two vectors each.
        unsafe {
            let mut sums = load_sums::<R>(tile, column);
            let panel = tile.weights.add(column * tile.stride);
            for step in 0..tile.blocks * 4 {
                let weights =
                    [0, 32].map(|at| _mm256_loadu_si256(panel.add(step * 64 + at).cast()));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let four = tile.inputs.add(row * tile.depth + step * 4);
                    let inputs = _mm256_set1_epi32(four.cast::<i32>().read_unaligned());
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm256_dpbusd_avx_epi32(*sum, weights, inputs);
                    }
                }
            }
            store_sums(tile, column, &sums);
        }
    }
}

/// See [`Tiling::multiply`].
#[target_feature(enable = "avx2")]
unsafe fn multiply_wide(tile: &Tile) {
    // SAFETY: as the caller says.
    unsafe {
        match tile.rows {
            1 => multiply_wide_tile::<1>(tile),
            2 => multiply_wide_tile::<2>(tile),
            3 => multiply_wide_tile::<3>(tile),
            4 => multiply_wide_tile::<4>(tile),
            5 => multiply_wide_tile::<5>(tile),
            _ => multiply_wide_tile::<ROWS>(tile),
        }
    }
}

/// A tile of `R` rows.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn multiply_wide_tile<const R: usize>(tile: &Tile) {
    let mut wide = MaybeUninit::<[i16; ROWS * DEEPEST]>::uninit();
    let wide = wide.as_mut_ptr().cast::<i16>();
    let depth = tile.blocks * BLOCK;
    // SAFETY: as the caller says, `tile` has `R` rows of `depth` inputs, `DEEPEST` at most as the
    // panel holds as many, and `block_columns` block columns of `blocks` blocks in the panel: 8
    // times two vectors each.
    unsafe {
        for row in 0..R {
            for at in (0..depth).step_by(BLOCK) {
                let inputs = tile.inputs.add(row * tile.depth + at);
                let inputs = _mm256_cvtepi8_epi16(_mm_loadu_si128(inputs.cast()));
                _mm256_storeu_si256(wide.add(row * depth + at).cast(), inputs);
            }
        }
        for column in 0..tile.block_columns {
            let mut sums = load_sums::<R>(tile, column);
            let panel = tile.weights.add(column * tile.stride);
            for step in 0..tile.blocks * 8 {
                let weights = [0, 32].map(|at| _mm256_load_si256(panel.add(step * 64 + at).cast()));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let two = wide.add(row * depth + step * 2);
                    let inputs = _mm256_set1_epi32(two.cast::<i32>().read_unaligned());
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(weights, inputs));
                    }
                }
            }
            store_sums(tile, column, &sums);
        }
    }
}

/// What the sums of a block column start from.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_sums<const R: usize>(tile: &Tile, column: usize) -> [[__m256i; 2]; R] {
    let mut sums = [[_mm256_setzero_si256(); 2]; R];
    for (row, sums) in sums.iter_mut().enumerate() {
        // SAFETY: as the caller says, `tile` has `R` rows of sums and, if any, starts.
        unsafe {
            *sums = if tile.starts.is_null() {
                let out = tile.out.add(row * tile.out_width + column * BLOCK);
                [0, HALF].map(|at| _mm256_loadu_si256(out.add(at).cast()))
            } else {
                [_mm256_set1_epi32(*tile.starts.add(row)); 2]
            };
        }
    }
    sums
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_sums<const R: usize>(tile: &Tile, column: usize, sums: &[[__m256i; 2]; R]) {
    for (row, sums) in sums.iter().enumerate() {
        for (half, &sum) in sums.iter().enumerate() {
            // SAFETY: as the caller says, `tile` has `R` rows of sums.
            unsafe {
                let out = tile.out.add(row * tile.out_width + column * BLOCK);
                _mm256_storeu_si256(out.add(half * HALF).cast(), sum);
            }
        }
    }
}

/// See [`Tiling::requantize`].
#[target_feature(enable = "avx2")]
unsafe fn requantize(tile: &Tile, columns: &Columns<'_>, rows: &[Row]) {
    let shift = _mm_cvtsi64_si128(columns.shifts & 31);
    let vectors = columns.multipliers.as_chunks::<HALF>().0.iter();
    let others =
        (columns.sums.as_chunks::<HALF>().0.iter()).zip(columns.biases.as_chunks::<HALF>().0);
    for (column, (multipliers, (sums, biases))) in vectors.zip(others).enumerate() {
        let doubled = _mm256_slli_epi32(load(multipliers), 1);
        let doubled_odd = _mm256_srli_epi64(doubled, 32);
        let (column_sums, biases) = (load(sums), load(biases));
        for (index, row) in rows.iter().enumerate() {
            // SAFETY: as the caller says, the tile has as many rows and columns.
            let out = unsafe { tile.out.add(index * tile.out_width + column * HALF) };
            let zero = _mm256_mullo_epi32(_mm256_set1_epi32(row.zero_point), column_sums);
            // SAFETY: as above.
            let sum = _mm256_sub_epi32(unsafe { _mm256_loadu_si256(out.cast()) }, zero);
            let sum = _mm256_sll_epi32(sum, shift);
            let factor = _mm256_set1_epi32(row.multiplier);
            let scaled = Products::new(sum, doubled, doubled_odd).times(factor);
            let rounding = _mm256_set1_epi32(row.rounding);
            let rounded = _mm256_add_epi32(scaled.upper_halves(), rounding);
            let rounded = _mm256_srav_epi32(rounded, _mm256_set1_epi64x(row.shifts));
            let result = _mm256_add_epi32(rounded, biases);
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(out.cast(), result) };
        }
    }
}
