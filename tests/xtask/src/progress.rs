//! Steps of a long task, shown while it runs.

use std::time::Instant;

use anyhow::{Context, Result};

/// Numbers the steps and goes on after a failed one: a test run shows all that fails.
pub(crate) struct Steps {
    count: usize,
    next: usize,
    failures: Vec<String>,
    start: Instant,
}

impl Steps {
    pub fn new(count: usize) -> Self {
        Self {
            count,
            next: 1,
            failures: Vec::new(),
            start: Instant::now(),
        }
    }

    /// Runs a step without which the others make no sense; an error ends the task.
    pub fn require(&mut self, name: &str, action: impl FnOnce() -> Result<()>) -> Result<()> {
        eprintln!("== {}/{} {name}", self.next, self.count);
        self.next += 1;
        let start = Instant::now();
        action().with_context(|| name.to_owned())?;
        eprintln!("== {name}: {:.0?}", start.elapsed());
        Ok(())
    }

    /// Runs a step; an error is reported at the end.
    pub fn run(&mut self, name: &str, action: impl FnOnce() -> Result<()>) {
        if let Err(error) = self.require(name, action) {
            eprintln!("== failed: {error:#}");
            self.failures.push(name.to_owned());
        }
    }

    /// An error that names the failed steps, if any.
    pub fn finish(self) -> Result<()> {
        let failed = self.failures.join("; ");
        anyhow::ensure!(failed.is_empty(), "failed: {failed}");
        eprintln!("== all passed in {:.0?}", self.start.elapsed());
        Ok(())
    }
}
