//! Progress on stderr; nothing where stderr is not a terminal.

use indicatif::{ProgressBar, ProgressStyle};

pub fn bar(steps: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>12} {bar:30} {pos}/{len}  {eta}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(steps as u64)
        .with_style(style)
        .with_message(what)
}
