//! The course of a run: a CSV file that grows with it, and a picture of it.

use crate::trainer::Progress;
use embert_tools::files;
use embert_tools::svg::{Anchor, Svg};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const HEADER: &str = "step,loss,learning_rate,score";

/// Losses of steps, and scores of epochs.
#[derive(Clone, Debug, Default)]
pub struct Log {
    path: PathBuf,
    /// A line each, without the header.
    lines: Vec<String>,
    losses: Vec<(u64, f64)>,
    scores: Vec<(u64, f64)>,
}

impl Log {
    /// A log to be written to this file. Where a run goes on after `steps` steps, what the file has
    /// of them is kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: &Path, steps: u64) -> io::Result<Self> {
        let mut log = Log {
            path: path.into(),
            ..Log::default()
        };
        if steps > 0 && path.exists() {
            for line in fs::read_to_string(path)?.lines().skip(1) {
                let fields: Vec<&str> = line.split(',').collect();
                let Some(step) = fields.first().and_then(|step| step.parse().ok()) else {
                    continue;
                };
                if step > steps {
                    break;
                }
                let number = |index: usize| fields.get(index).and_then(|n| n.parse().ok());
                log.losses.extend(number(1).map(|loss| (step, loss)));
                log.scores.extend(number(3).map(|score| (step, score)));
                log.lines.push(line.into());
            }
        }
        Ok(log)
    }

    pub fn add(&mut self, progress: &Progress) {
        match *progress {
            Progress::Step {
                step,
                loss,
                learning_rate,
                ..
            } => {
                self.losses.push((step, loss));
                self.lines
                    .push(format!("{step},{loss:.6},{learning_rate:.3e},"));
            }
            Progress::Epoch { score, .. } => {
                let step = self.losses.last().map_or(0, |(step, _)| *step);
                self.scores.push((step, score));
                self.lines.push(format!("{step},,,{score:.6}"));
            }
        }
    }

    /// Writes the file, and the picture beside it.
    ///
    /// # Errors
    /// When the disk is full, or the folder not writable.
    pub fn write(&self) -> io::Result<()> {
        let mut text = HEADER.to_owned() + "\n";
        for line in &self.lines {
            let _ = writeln!(text, "{line}");
        }
        let picture = self.path.with_extension("svg");
        files::write(&self.path, text.as_bytes())?;
        files::write(&picture, self.svg().as_bytes())
    }

    /// The loss, smoothed, and the score on the development set, each on an axis of its own.
    fn svg(&self) -> String {
        let [left, top, width, height] = [60.0, 40.0, 640.0, 300.0];
        let mut svg = Svg::new(left + width + 60.0, top + height + 50.0);
        let title = "loss (blue, left) and score on what is not learnt from (orange, right)";
        svg.text([left, 24.0], 13.0, Anchor::Start, title);
        let last = self.losses.last().map_or(1, |(step, _)| *step) as f64;
        let smooth = smoothed(&self.losses);
        let most = smooth.iter().map(|(_, loss)| *loss).fold(1e-9, f64::max);
        let least = self
            .scores
            .iter()
            .map(|(_, score)| *score)
            .fold(1.0, f64::min);
        // Fractions, or losses with the sign that makes more of them better.
        let [least, greatest] = match least < 0.0 {
            true => [least.floor(), 0.0],
            false => [(least * 10.0 - 0.5).floor().max(0.0) / 10.0, 1.0],
        };
        let bottom = top + height;
        for fourth in 0..=4 {
            let part = f64::from(fourth) / 4.0;
            let y = bottom - part * height;
            svg.path(&[[left, y], [left + width, y]], "#dddddd");
            let label = format!("{:.2}", most * part);
            svg.text([left - 6.0, y + 4.0], 11.0, Anchor::End, &label);
            let label = format!("{:.3}", least + (greatest - least) * part);
            svg.text([left + width + 6.0, y + 4.0], 11.0, Anchor::Start, &label);
            let label = format!("{:.0}", last * part);
            let x = left + width * part;
            svg.text([x, bottom + 18.0], 11.0, Anchor::Middle, &label);
        }
        svg.text(
            [left + width / 2.0, bottom + 38.0],
            12.0,
            Anchor::Middle,
            "steps",
        );
        let line = |points: &[(u64, f64)], low: f64, high: f64| -> Vec<[f64; 2]> {
            let place = |&(step, v): &(u64, f64)| {
                let part = (v - low) / (high - low);
                [left + step as f64 / last * width, bottom - part * height]
            };
            points.iter().map(place).collect()
        };
        svg.path(&line(&smooth, 0.0, most), "#0072b2");
        let scores = line(&self.scores, least, greatest);
        svg.path(&scores, "#d55e00");
        for (at, (step, score)) in scores.iter().zip(&self.scores) {
            svg.dot(
                *at,
                4.0,
                "#d55e00",
                &format!("{score:.4} after step {step}"),
            );
        }
        svg.finish()
    }
}

/// Means of so many neighbours that some 200 points are left.
fn smoothed(losses: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let some = losses.len().div_ceil(200).max(1);
    let means = losses.chunks(some).map(|chunk| {
        let sum: f64 = chunk.iter().map(|(_, loss)| loss).sum();
        (chunk[chunk.len() - 1].0, sum / chunk.len() as f64)
    });
    means.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_goes_on_keeps_what_was_before_its_checkpoint() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("training.csv");
        let step = |step| Progress::Step {
            step,
            steps: 6,
            loss: 1.0 / step as f64,
            learning_rate: 1e-4,
            tokens_per_second: 1.0,
        };
        let mut log = Log::open(&path, 0)?;
        (1..=4).for_each(|n| log.add(&step(n)));
        log.add(&Progress::Epoch {
            epoch: 0,
            score: 0.5,
            best: true,
        });
        log.write()?;
        let whole = fs::read_to_string(&path)?;
        assert_eq!(whole.lines().count(), 6);
        assert!(fs::read_to_string(path.with_extension("svg"))?.contains("0.5000 after step 4"));

        let mut again = Log::open(&path, 2)?;
        assert_eq!(again.losses.len(), 2);
        (3..=4).for_each(|n| again.add(&step(n)));
        again.add(&Progress::Epoch {
            epoch: 0,
            score: 0.5,
            best: true,
        });
        again.write()?;
        assert_eq!(fs::read_to_string(&path)?, whole);
        Ok(())
    }
}
