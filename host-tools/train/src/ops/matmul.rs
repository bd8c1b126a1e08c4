//! Products of matrices, by the `gemm` crate, and dense layers.

use super::rows::sum_rows;
use gemm::Parallelism;

/// A matrix within a slice, any stride between rows and columns.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `columns`, without gaps.
    pub fn new(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Rows that begin `stride` apart.
    ///
    /// # Panics
    /// If the slice is shorter than the matrix.
    pub fn strided(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(reach(rows, columns, stride) <= data.len());
        Matrix {
            data,
            rows,
            columns,
            row_stride: stride,
            column_stride: 1,
        }
    }

    /// The transpose.
    pub fn t(self) -> Self {
        Matrix {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// A matrix to write to: rows that begin `stride` apart.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> MatrixMut<'a> {
    pub fn new(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// # Panics
    /// If the slice is shorter than the matrix, or rows overlap.
    pub fn strided(data: &'a mut [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(reach(rows, columns, stride) <= data.len() && columns <= stride);
        MatrixMut {
            data,
            rows,
            columns,
            stride,
        }
    }
}

/// Elements from the first of a matrix to its last.
fn reach(rows: usize, columns: usize, stride: usize) -> usize {
    match rows.min(columns) {
        0 => 0,
        _ => (rows - 1) * stride + columns,
    }
}

/// Multiply-accumulates below which a product is not shared among threads.
const LARGE: usize = 1 << 20;

/// `out = scale * a b`, or `out += scale * a b`.
///
/// # Panics
/// If the sizes do not match.
#[allow(unsafe_code)]
pub fn product(out: &mut MatrixMut<'_>, a: Matrix<'_>, b: Matrix<'_>, scale: f32, add: bool) {
    assert!(a.rows == out.rows && b.columns == out.columns && a.columns == b.rows);
    let threads = match out.rows * out.columns * a.columns {
        0..LARGE => Parallelism::None,
        _ => Parallelism::Rayon(0),
    };
    // SAFETY: by the assertions of their constructors, every element of the three matrices lies
    // within its slice, and those of `out` are distinct; `out` is borrowed mutably, so it overlaps
    // neither input. Elements of `out` are initialized, whether they are read or not.
    unsafe {
        gemm::gemm(
            out.rows,
            out.columns,
            a.columns,
            out.data.as_mut_ptr(),
            1,
            out.stride as isize,
            add,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            scale,
            false,
            false,
            false,
            threads,
        );
    }
}

/// A dense layer: `out = x wᵀ + bias`, `w` `[outputs x inputs]`.
pub fn linear(x: &[f32], w: &[f32], bias: &[f32], out: &mut [f32]) {
    let outputs = bias.len();
    let (rows, inputs) = (out.len() / outputs, w.len() / outputs);
    for row in out.chunks_exact_mut(outputs) {
        row.copy_from_slice(bias);
    }
    let x = Matrix::new(x, rows, inputs);
    let w = Matrix::new(w, outputs, inputs);
    product(&mut MatrixMut::new(out, rows, outputs), x, w.t(), 1.0, true);
}

/// The gradients of a dense layer; `dx` is that of its input, if wanted, written or added to.
pub fn linear_backward(
    x: &[f32],
    w: &[f32],
    dout: &[f32],
    dx: Option<(&mut [f32], bool)>,
    [dw, dbias]: [&mut [f32]; 2],
) {
    let outputs = dbias.len();
    let (rows, inputs) = (dout.len() / outputs, w.len() / outputs);
    let gradient = Matrix::new(dout, rows, outputs);
    let x = Matrix::new(x, rows, inputs);
    let mut dw = MatrixMut::new(dw, outputs, inputs);
    product(&mut dw, gradient.t(), x, 1.0, true);
    sum_rows(dout, dbias);
    if let Some((dx, add)) = dx {
        let w = Matrix::new(w, outputs, inputs);
        product(&mut MatrixMut::new(dx, rows, inputs), gradient, w, 1.0, add);
    }
}
