//! Cholesky factorization of a covariance, in blocks, so that nearly all of it is products of
//! matrices (Golub and Van Loan, "Matrix Computations", section 4.2.5).

use ndarray::{Array2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

/// Columns factored at once.
const BLOCK: usize = 64;

/// Rows updated by one thread at once.
const ROWS: usize = 128;

/// Turns the lower triangle of a symmetric matrix `A` into `L` with `L Lᵀ = A`; what is above
/// the diagonal becomes zero.
///
/// No pivot falls below `least`, which must be positive: a matrix that is singular, or indefinite
/// by rounding, is factored as if it had that much more on its diagonal.
pub fn factor(matrix: &mut Array2<f64>, least: f64) {
    let n = matrix.nrows();
    for start in (0..n).step_by(BLOCK) {
        let end = n.min(start + BLOCK);
        let (mut above, mut below) = matrix.view_mut().split_at(Axis(0), end);
        let mut diagonal = above.slice_mut(s![start..end, start..end]);
        factor_block(&mut diagonal, least);
        above.slice_mut(s![start..end, end..]).fill(0.0);

        let diagonal = above.slice(s![start..end, start..end]);
        let mut panel = below.slice_mut(s![.., start..end]);
        let rows: Vec<_> = panel.rows_mut().into_iter().collect();
        rows.into_par_iter().for_each(|mut row| {
            for j in 0..row.len() {
                let sum = row.slice(s![..j]).dot(&diagonal.slice(s![j, ..j]));
                row[j] = (row[j] - sum) / diagonal[(j, j)];
            }
        });

        let panel = below.slice(s![.., start..end]).to_owned();
        let mut rest = below.slice_mut(s![.., end..]);
        let tiles: Vec<_> = rest.axis_chunks_iter_mut(Axis(0), ROWS).collect();
        tiles
            .into_par_iter()
            .enumerate()
            .for_each(|(index, mut tile)| {
                let first = index * ROWS;
                let last = first + tile.nrows();
                let rows = panel.slice(s![first..last, ..]);
                let update = rows.dot(&panel.slice(s![..last, ..]).t());
                let mut lower = tile.slice_mut(s![.., ..last]);
                lower -= &update;
            });
    }
}

/// The same for one block, column by column.
fn factor_block(block: &mut ArrayViewMut2<'_, f64>, least: f64) {
    let n = block.nrows();
    for j in 0..n {
        let squares: f64 = block.slice(s![j, ..j]).iter().map(|v| v * v).sum();
        let pivot = (block[(j, j)] - squares).max(least).sqrt();
        block[(j, j)] = pivot;
        for i in j + 1..n {
            let sum = block.slice(s![i, ..j]).dot(&block.slice(s![j, ..j]));
            block[(i, j)] = (block[(i, j)] - sum) / pivot;
            block[(j, i)] = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(l: &Array2<f64>) -> Array2<f64> {
        l.dot(&l.t())
    }

    #[test]
    fn the_factor_multiplies_back() {
        let n = 3 * BLOCK + 7;
        let a = Array2::from_shape_fn((n, n), |(i, j)| {
            1.0 / (1.0 + (i as f64 - j as f64).abs()) + if i == j { 1.0 } else { 0.0 }
        });
        let mut l = a.clone();
        factor(&mut l, 1e-9);
        assert!(l[(0, n - 1)] == 0.0 && l[(BLOCK, BLOCK + 1)] == 0.0);
        let error = (product(&l) - a)
            .mapv(f64::abs)
            .fold(0.0, |m: f64, &v| m.max(v));
        assert!(error < 1e-12, "{error}");
    }

    #[test]
    fn singular_and_indefinite_matrices_have_a_finite_factor() {
        // Nothing, all channels the same, and the same less than nothing by rounding.
        for (value, rounding) in [(0.0, 0.0), (1.0, 0.0), (1.0, -1e-9), (0.0, -1e-9)] {
            let mut matrix = Array2::from_elem((70, 70), value);
            matrix.diag_mut().mapv_inplace(|v| v + rounding);
            factor(&mut matrix, 1e-6);
            assert!(matrix.iter().all(|v| v.is_finite()));
            assert!(matrix.diag().iter().all(|&v| v >= 1e-3));
        }
    }
}
