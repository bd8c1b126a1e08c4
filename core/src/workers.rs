//! Work shared out, where the caller has threads: the library starts none.
//!
//! Heads of attention and rows of everything else are independent, so results do not depend on
//! who computes them, nor on how many.

use crate::memory::{Arena, OutOfScratch};

/// Runs two pieces of work.
pub trait Join: Sync {
    /// Runs `a` and `b`, at the same time if it can, and returns when both are done.
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send));
}

/// One after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sequential;

impl Join for Sequential {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        a();
        b();
    }
}

/// How many share the work, and by what means.
#[derive(Clone, Copy)]
pub struct Workers<'w> {
    join: &'w dyn Join,
    count: usize,
}

impl<'w> Workers<'w> {
    /// The caller alone.
    pub const ONE: Workers<'static> = Workers {
        join: &Sequential,
        count: 1,
    };

    /// `count` workers, at least one. Each has its own part of the scratch.
    pub fn new(join: &'w dyn Join, count: usize) -> Self {
        Workers {
            join,
            count: count.max(1),
        }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Cuts `work` of `len` parts into as many pieces as there are workers and hands each to
    /// `each`, with `bytes` bytes of the arena for every worker.
    pub(crate) fn share<W: Divisible>(
        self,
        work: W,
        len: usize,
        mut arena: Arena<'_>,
        bytes: usize,
        each: &(impl Fn(W, Arena<'_>) -> Result<(), OutOfScratch> + Sync),
    ) -> Result<(), OutOfScratch> {
        if self.count < 2 || len < 2 {
            return each(work, arena);
        }
        let few = Workers {
            count: self.count / 2,
            ..self
        };
        let more = Workers {
            count: self.count - few.count,
            ..self
        };
        let middle = (len * few.count / self.count).max(1);
        let first = arena.take(few.count * bytes)?;
        let (left, right) = work.split_at(middle);
        let mut left = Some((left, Arena::new(first)));
        let mut right = Some((right, arena));
        let (mut left_done, mut right_done) = (Ok(()), Ok(()));
        self.join.join(
            &mut || {
                if let Some((work, arena)) = left.take() {
                    left_done = few.share(work, middle, arena, bytes, each);
                }
            },
            &mut || {
                if let Some((work, arena)) = right.take() {
                    right_done = more.share(work, len - middle, arena, bytes, each);
                }
            },
        );
        left_done.and(right_done)
    }
}

/// What can be cut in two.
pub(crate) trait Divisible: Send + Sized {
    /// The first `middle` parts, and the others.
    fn split_at(self, middle: usize) -> (Self, Self);
}
