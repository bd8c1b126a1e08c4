//! Progress on stderr: a bar where that is a terminal, a line a minute where it is a log.

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const BETWEEN_LINES: Duration = Duration::from_secs(60);

pub struct Bar {
    bar: ProgressBar,
    /// When the last line was written, or the work began.
    told: Mutex<Instant>,
}

impl Bar {
    pub fn new(steps: usize, what: &'static str) -> Self {
        let style = ProgressStyle::with_template("{msg:>12} {bar:30} {pos}/{len}  {eta}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(steps as u64);
        Bar {
            bar: bar.with_style(style).with_message(what),
            told: Mutex::new(Instant::now()),
        }
    }

    pub fn set_steps(&self, steps: u64) {
        self.bar.set_length(steps);
    }

    /// Advances by `steps`.
    pub fn add(&self, steps: usize) {
        self.bar.inc(steps as u64);
        self.tell();
    }

    /// Removes the bar.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn tell(&self) {
        if !self.bar.is_hidden() {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= BETWEEN_LINES {
            *told = Instant::now();
            let (done, steps) = (self.bar.position(), self.bar.length().unwrap_or(0));
            let left = HumanDuration(self.bar.eta());
            eprintln!("{}  {done}/{steps}, {left} left", self.bar.message());
        }
    }
}

/// Training also shows messages.
#[cfg(feature = "train")]
impl Bar {
    pub fn set_message(&self, message: String) {
        self.bar.set_message(message);
    }

    /// Sets the number of steps done.
    pub fn set_done(&self, steps: u64) {
        self.bar.set_position(steps);
        self.tell();
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }
}
