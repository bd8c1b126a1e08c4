//! Matrix products: tiles of 6 rows by 64 columns, 24 of the 32 registers.
//!
//! `vpdpbusd` wants one operand unsigned. Weights are, by 128 more than they stand for, so that a
//! row's inputs are broadcast as they lie; each sum starts from -128 times the sum of the inputs.

use super::vectors::{Products, fours, load, load_bytes};
use crate::kernels::x86_64::product::{BLOCK_BYTES, Columns, Row, Tile, Tiling};
use crate::shape::BLOCK;
use core::arch::x86_64::*;

/// Rows of a tile at most.
const ROWS: usize = 6;

/// Rows that take the weights of [`crate::blob::Format::Columns`] as they lie at most.
const DIRECT_ROWS: usize = 20;

pub static TILING: Tiling = Tiling {
    rows: ROWS,
    block_columns: 4,
    weight_bytes: 1,
    starts,
    pack,
    pack_fours: None,
    multiply,
    multiply_direct,
    direct_rows: DIRECT_ROWS,
    requantize,
};

/// -128 times the sum of each row's inputs.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn starts(inputs: &[i8], depth: usize, starts: &mut [i32]) {
    let mut rows = inputs.chunks_exact(depth);
    for starts in starts.chunks_mut(4) {
        let mut sums = [_mm_setzero_si128(); 4];
        for (sums, row) in sums.iter_mut().zip(&mut rows) {
            *sums = sum(row);
        }
        let [a, b, c, d] = sums;
        let sums = _mm_hadd_epi32(_mm_hadd_epi32(a, b), _mm_hadd_epi32(c, d));
        let sums = _mm_slli_epi32(sums, 7);
        let mask = (1 << starts.len()) - 1;
        // SAFETY: the lanes of the mask are elements of `starts`.
        unsafe {
            let result = _mm_sub_epi32(_mm_setzero_si128(), sums);
            _mm_mask_storeu_epi32(starts.as_mut_ptr(), mask, result);
        }
    }
}

/// Four sums that make up the sum of a row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn sum(row: &[i8]) -> __m128i {
    let ones = _mm256_set1_epi8(1);
    let (pairs, rest) = row.as_chunks::<{ 2 * BLOCK }>();
    let mut sums = _mm256_setzero_si256();
    for pair in pairs {
        // SAFETY: a pair of blocks has 32 bytes.
        let inputs = unsafe { _mm256_loadu_si256(pair.as_ptr().cast()) };
        sums = _mm256_dpbusd_epi32(sums, ones, inputs);
    }
    let upper = _mm256_extracti128_si256(sums, 1);
    let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), upper);
    match rest.first_chunk::<BLOCK>() {
        Some(block) => _mm_dpbusd_epi32(sums, _mm_set1_epi8(1), load_bytes(block)),
        None => sums,
    }
}

/// A block's 16 columns of 16 inputs become 4 vectors of 4 successive inputs of all columns.
///
/// # Safety
/// `panel` has room for as many bytes as there are in `blocks`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn pack(blocks: &[i8], panel: *mut u8) {
    let offset = _mm512_set1_epi8(-128);
    // Vnni4 of two times four columns, a b c d and e f g h: the first (or last) two of each.
    let first = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    let last = _mm512_setr_epi32(2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
    for (index, block) in blocks.as_chunks::<BLOCK_BYTES>().0.iter().enumerate() {
        let columns = [0, 1, 2, 3].map(|i| {
            // SAFETY: a block has four times 64 bytes.
            let vector = unsafe { _mm512_loadu_si512(block.as_ptr().add(64 * i).cast()) };
            _mm512_xor_si512(vector, offset)
        });
        let [a, b, c, d] = columns;
        let (ab, cd) = (
            _mm512_permutex2var_epi32(a, first, b),
            _mm512_permutex2var_epi32(c, first, d),
        );
        let (ab_last, cd_last) = (
            _mm512_permutex2var_epi32(a, last, b),
            _mm512_permutex2var_epi32(c, last, d),
        );
        let vectors = [
            _mm512_shuffle_i64x2(ab, cd, 0b01_00_01_00),
            _mm512_shuffle_i64x2(ab, cd, 0b11_10_11_10),
            _mm512_shuffle_i64x2(ab_last, cd_last, 0b01_00_01_00),
            _mm512_shuffle_i64x2(ab_last, cd_last, 0b11_10_11_10),
        ];
        for (i, vector) in vectors.into_iter().enumerate() {
            // SAFETY: as the caller says.
            unsafe { _mm512_storeu_si512(panel.add(index * BLOCK_BYTES + 64 * i).cast(), vector) };
        }
    }
}

/// See [`Tiling::multiply`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn multiply(tile: &Tile) {
    // SAFETY: as the caller says.
    unsafe {
        match tile.block_columns {
            1 => multiply_columns::<1>(tile),
            2 => multiply_columns::<2>(tile),
            _ => multiply_columns::<4>(tile),
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn multiply_columns<const C: usize>(tile: &Tile) {
    // SAFETY: as the caller says.
    unsafe {
        match tile.rows {
            1 => multiply_tile::<1, C>(tile),
            2 => multiply_tile::<2, C>(tile),
            3 => multiply_tile::<3, C>(tile),
            4 => multiply_tile::<4, C>(tile),
            5 => multiply_tile::<5, C>(tile),
            _ => multiply_tile::<6, C>(tile),
        }
    }
}

/// A tile of `R` rows and `C` block columns, a vector each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn multiply_tile<const R: usize, const C: usize>(tile: &Tile) {
    let mut sums = [[_mm512_setzero_si512(); C]; R];
    // SAFETY: as the caller says, `tile` has `R` rows of inputs, sums and, if any, starts, and
    // `C` block columns of `blocks` blocks in the panel: 4 vectors each.
    unsafe {
        for (row, sums) in sums.iter_mut().enumerate() {
            for (column, sum) in sums.iter_mut().enumerate() {
                *sum = if tile.starts.is_null() {
                    let sums = tile.out.add(row * tile.out_width + column * BLOCK);
                    _mm512_loadu_si512(sums.cast())
                } else {
                    _mm512_set1_epi32(*tile.starts.add(row))
                };
            }
        }
        for step in 0..tile.blocks * 4 {
            let mut weights = [_mm512_setzero_si512(); C];
            for (column, weights) in weights.iter_mut().enumerate() {
                let place = column * tile.stride + step * 64;
                *weights = _mm512_loadu_si512(tile.weights.add(place).cast());
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                let four = tile.inputs.add(row * tile.depth + step * 4);
                let inputs = _mm512_set1_epi32(four.cast::<i32>().read_unaligned());
                for (sum, &weights) in sums.iter_mut().zip(&weights) {
                    *sum = _mm512_dpbusd_epi32(*sum, weights, inputs);
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            for (column, &sum) in sums.iter().enumerate() {
                let out = tile.out.add(row * tile.out_width + column * BLOCK);
                _mm512_storeu_si512(out.cast(), sum);
            }
        }
    }
}

/// See [`Tiling::multiply_direct`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn multiply_direct(tile: &Tile) {
    // SAFETY: as the caller says.
    unsafe {
        match tile.rows {
            1 => multiply_direct_tile::<1>(tile),
            2 => multiply_direct_tile::<2>(tile),
            3 => multiply_direct_tile::<3>(tile),
            4 => multiply_direct_tile::<4>(tile),
            5 => multiply_direct_tile::<5>(tile),
            _ => multiply_direct_tile::<6>(tile),
        }
    }
}

/// A tile of `R` rows: a vector holds 16 inputs of four columns.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn multiply_direct_tile<const R: usize>(tile: &Tile) {
    let offset = _mm512_set1_epi8(-128);
    let mut sums = [[_mm512_setzero_si512(); 4]; R];
    // SAFETY: as the caller says, `tile` has `R` rows of inputs, sums and starts, and `blocks`
    // blocks of weights.
    unsafe {
        for block in 0..tile.blocks {
            let place = tile.weights.add(block * BLOCK_BYTES);
            let weights = [0, 1, 2, 3]
                .map(|i| _mm512_xor_si512(_mm512_loadu_si512(place.add(64 * i).cast()), offset));
            for (row, sums) in sums.iter_mut().enumerate() {
                let inputs = tile.inputs.add(row * tile.depth + block * BLOCK);
                let inputs = _mm512_broadcast_i32x4(_mm_loadu_si128(inputs.cast()));
                for (sum, &weights) in sums.iter_mut().zip(&weights) {
                    *sum = _mm512_dpbusd_epi32(*sum, weights, inputs);
                }
            }
        }
        for (row, sums) in sums.into_iter().enumerate() {
            let start = _mm512_set1_epi32(*tile.starts.add(row));
            let out = tile.out.add(row * tile.out_width);
            _mm512_storeu_si512(out.cast(), _mm512_add_epi32(fours(sums), start));
        }
    }
}

/// See [`Tiling::requantize`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn requantize(tile: &Tile, columns: &Columns<'_>, rows: &[Row]) {
    // Shifts come in pairs: of one number, the compiler would make a slower instruction.
    let shift = _mm512_set1_epi64(columns.shifts);
    let vectors = columns.multipliers.as_chunks::<BLOCK>().0.iter();
    let others =
        (columns.sums.as_chunks::<BLOCK>().0.iter()).zip(columns.biases.as_chunks::<BLOCK>().0);
    for (column, (multipliers, (sums, biases))) in vectors.zip(others).enumerate() {
        let doubled = _mm512_slli_epi32(load(multipliers), 1);
        let doubled_odd = _mm512_srli_epi64(doubled, 32);
        let (column_sums, biases) = (load(sums), load(biases));
        for (index, row) in rows.iter().enumerate() {
            // SAFETY: as the caller says, the tile has as many rows and columns.
            let out = unsafe { tile.out.add(index * tile.out_width + column * BLOCK) };
            let zero = _mm512_mullo_epi32(_mm512_set1_epi32(row.zero_point), column_sums);
            // SAFETY: as above.
            let sum = _mm512_sub_epi32(unsafe { _mm512_loadu_si512(out.cast()) }, zero);
            let sum = _mm512_sllv_epi32(sum, shift);
            let factor = _mm512_set1_epi32(row.multiplier);
            let scaled = Products::new(sum, doubled, doubled_odd).times(factor);
            let scaled = scaled.upper_halves();
            let rounded = _mm512_add_epi32(scaled, _mm512_set1_epi32(row.rounding));
            let rounded = _mm512_srav_epi32(rounded, _mm512_set1_epi64(row.shifts));
            let result = _mm512_add_epi32(rounded, biases);
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(out.cast(), result) };
        }
    }
}
