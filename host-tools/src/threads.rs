//! A thread pool that serves as the engine's workers.

use embert::{Join, Workers};

/// Rows that hosts compute together: more than microcontrollers, for caches are large here.
pub const TILE: usize = 128;

/// A pool of threads.
pub struct Threads {
    pool: rayon::ThreadPool,
}

/// Joins on the pool that the caller runs in.
struct Pool;

impl Join for Pool {
    fn join(&self, a: &mut (dyn FnMut() + Send), b: &mut (dyn FnMut() + Send)) {
        rayon::join(a, b);
    }
}

impl Threads {
    /// `count` threads, at most one per processor; 0 for one per processor.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(count: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let count = count.min(processors);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build()?;
        Ok(Threads { pool })
    }

    /// The workers for an engine that runs within [`run`](Self::run).
    pub fn workers(&self) -> Workers<'static> {
        Workers::new(&Pool, self.pool.current_num_threads())
    }

    /// Runs `work` on the pool.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }
}
