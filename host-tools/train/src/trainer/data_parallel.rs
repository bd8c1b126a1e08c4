//! A batch shared by two threads: each learns from half of it, as a whole model would.
//!
//! Operations are shared among threads too, but small models have none that are worth it. The halves
//! are two whatever the number of threads, and their gradients are added in one order, so that a
//! run can be repeated bit for bit on any machine.

use crate::ops::add;
use crate::trainer::StepStats;

/// Memory of both threads.
#[derive(Debug, Default)]
pub struct DataParallel<W> {
    workspaces: [W; 2],
    /// Of the second half.
    gradient: Vec<f32>,
}

impl<W: Send> DataParallel<W> {
    /// Calls `learn` with each of `items` (the parts of a batch, of which two are learnt from at a
    /// time), and its number; it adds to the gradient that it is given.
    pub fn learn<T: Sync>(
        &mut self,
        items: &[T],
        gradient: &mut [f32],
        learn: impl Fn(usize, &T, &mut W, &mut [f32]) -> StepStats + Sync,
    ) -> StepStats {
        self.gradient.resize(gradient.len(), 0.0);
        let mut sum = StepStats::default();
        let [first, second] = &mut self.workspaces;
        for (pair, items) in items.chunks(2).enumerate() {
            let (first, second) = rayon::join(
                || learn(2 * pair, &items[0], first, gradient),
                || {
                    let item = items.get(1)?;
                    Some(learn(2 * pair + 1, item, second, &mut self.gradient))
                },
            );
            for learnt in [first].into_iter().chain(second) {
                sum.loss += learnt.loss;
                sum.tokens += learnt.tokens;
            }
        }
        add(gradient, &self.gradient);
        self.gradient.fill(0.0);
        sum
    }

    /// The memory of one thread.
    pub fn workspace(&mut self) -> &mut W {
        &mut self.workspaces[0]
    }
}

/// Of how many items a part is, where both threads take their halves of `count` in so many parts.
pub fn part(count: usize, parts: usize) -> usize {
    count.div_ceil(2 * parts).max(1)
}
