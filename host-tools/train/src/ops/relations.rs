//! Relations of the tokens of a sequence: how alike their queries are, their keys, and their values
//! (Wang et al., MiniLMv2, arXiv 2012.15828, section 3.1). They are `[tokens x tokens]` whatever the
//! width, so that a student can have those of a wider teacher.

use super::attention::{Heads, softmax};
use super::{Matrix, MatrixMut, product};

/// Queries, keys and values.
const PARTS: usize = 3;

/// Divergence of the student's relations from the teacher's in one sequence of `tokens`, summed over
/// tokens, heads and parts; adds `scale` times its gradient to that of `qkv`, `[tokens x 3 hidden]`.
/// Both have the same number of heads.
pub fn relations(
    tokens: usize,
    [student, teacher]: [Heads; 2],
    [qkv, taught]: [&[f32]; 2],
    scale: f32,
    gradient: &mut [f32],
) -> f64 {
    let [mut ours, mut theirs, mut both] = [(); 3].map(|()| vec![0.0; tokens * tokens]);
    let mut sum = 0.0;
    for part in 0..PARTS {
        for head in 0..student.heads {
            relate(teacher, taught, tokens, part, head, &mut theirs);
            relate(student, qkv, tokens, part, head, &mut ours);
            let least = f32::MIN_POSITIVE;
            let ratio =
                |(s, t): (&f32, &f32)| f64::from(*t) * f64::from(t.max(least) / s.max(least)).ln();
            sum += ours.iter().zip(&theirs).map(ratio).sum::<f64>();
            // Each row is on both sides of the product.
            for row in 0..tokens {
                for column in 0..tokens {
                    let (at, mirrored) = (row * tokens + column, column * tokens + row);
                    both[at] = ours[at] - theirs[at] + ours[mirrored] - theirs[mirrored];
                }
            }
            let mut out = student.part_mut(gradient, tokens, part, head);
            let rows = student.part(qkv, tokens, part, head);
            let both = Matrix::new(&both, tokens, tokens);
            product(&mut out, both, rows, scale * student.scale(), true);
        }
    }
    sum
}

/// `softmax(A Aᵀ / √d)` of a head's queries, keys or values `A`.
fn relate(heads: Heads, qkv: &[f32], tokens: usize, part: usize, head: usize, out: &mut [f32]) {
    let rows = heads.part(qkv, tokens, part, head);
    let mut scores = MatrixMut::new(out, tokens, tokens);
    product(&mut scores, rows, rows.t(), heads.scale(), false);
    softmax(out, tokens);
}
