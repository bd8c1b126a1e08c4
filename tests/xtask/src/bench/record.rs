//! `cargo xtask bench --check`: the counts of one compiler against those on record.
//!
//! QEMU counts the same instructions every time, but another compiler, LLVM or linker makes other
//! code. The record names the compiler; only the same one fails the check.
//!
//! The counts are in `host-tools/src/analyze/instructions.json`, which `embert analyze` predicts
//! from; compilers, code sizes and stack are in `tests/data/bench_record.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use embert::Model;
use embert_tools::analyze::boards::BOARDS;
use embert_tools::analyze::costs::{AROUND, Costs};
use embert_tools::analyze::trace::{Trace, trace};
use embert_tools::blob::AlignedBytes;
use serde::{Deserialize, Serialize};

use super::limits::limit;
use super::{Models, Row};
use crate::image::Image;
use crate::machine::Machine;
use crate::{compiler, toolchain};

/// Instructions by `machine set, what shape`.
type Counts = BTreeMap<String, u64>;

/// What a machine's image was made by, and its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Build {
    compiler: String,
    /// Code, constants and initial values in flash; `None` for WebAssembly.
    code_bytes: Option<u64>,
}

/// How far `embert analyze` may be from the counts of the texts it was fitted to.
const PREDICTION: f64 = 0.03;
/// How far the code sizes of `embert analyze` may be from the images, as a share.
const CODE: f64 = 0.03;
/// Code of the same compiler may differ by as much: the folder's path is part of panic messages.
const SAME_CODE: f64 = 0.005;
/// Instructions that a count may differ by for the place in a step of the machine's counter, which
/// takes 62.5 on the micro:bit.
const COUNTER: u64 = 126;

fn counts_path() -> PathBuf {
    toolchain::workspace_root().join("host-tools/src/analyze/instructions.json")
}

fn builds_path() -> PathBuf {
    toolchain::workspace_root().join("tests/data/bench_record.json")
}

fn read<T: for<'de> Deserialize<'de>>(path: PathBuf) -> Result<T> {
    let text = fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

fn write<T: Serialize>(path: PathBuf, value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    fs::write(&path, text).with_context(|| path.display().to_string())
}

/// Everything measured on this machine.
pub struct Measured {
    counts: Counts,
    builds: BTreeMap<String, Build>,
    /// Figures past the project's own limits.
    past_limits: Vec<String>,
    texts: Vec<Text>,
}

/// A text of the bench, with the operations of its forward pass.
struct Text {
    name: String,
    tokens: usize,
    trace: Trace,
}

impl Measured {
    /// From the rows of all machines and sets.
    pub fn new(rows: &[Row], models: &Models) -> Result<Self> {
        let texts = texts(models)?;
        let (mut counts, mut past_limits) = (Counts::new(), Vec::new());
        for row in rows {
            // Parts of a text are counted call by call, too coarsely to compare.
            if row.what.starts_with("text: ") {
                continue;
            }
            let name = format!("{}, {} {}", row.target, row.what, row.shape);
            if limit(row).is_some_and(|limit| !limit.holds(row)) {
                past_limits.push(format!("{name}: past its limit"));
            }
            counts.insert(name, row.instructions.unwrap_or_default());
        }
        for target in rows.chunk_by(|a, b| a.target == b.target) {
            add_around(&target[0].target, &texts, &mut counts);
        }
        let mut builds = BTreeMap::new();
        for machine in Machine::ALL {
            let build = Build {
                compiler: compiler::describe(machine.target())?,
                code_bytes: Image::build(machine)?.elf.map(|elf| elf.code_bytes),
            };
            builds.insert(machine.name().to_owned(), build);
        }
        Ok(Self {
            counts,
            builds,
            past_limits,
            texts,
        })
    }

    /// Writes the record anew, after a change that was meant.
    pub fn record(&self) -> Result<()> {
        write(counts_path(), &self.counts)?;
        write(builds_path(), &self.builds)
    }

    /// Prints what differs from the record; an error if the recorded compiler gives more now, or if
    /// `embert analyze` does not predict the record.
    pub fn check(&self) -> Result<()> {
        let recorded: Counts = read(counts_path())?;
        let builds: BTreeMap<String, Build> = read(builds_path())?;
        let mut failures = self.past_limits.clone();
        failures.extend(self.wrong_predictions(&recorded));
        for (machine, now) in &self.builds {
            let Some(then) = builds.get(machine) else {
                failures.push(format!("{machine}: not on record"));
                continue;
            };
            let mut differences = Vec::new();
            if let (Some(now), Some(then)) = (now.code_bytes, then.code_bytes)
                && now as f64 > then as f64 * (1.0 + SAME_CODE)
            {
                differences.push(format!("{machine}: {now} bytes of code, {then} on record"));
            }
            for (name, &count) in &self.counts {
                if name.split(' ').next() == Some(machine) {
                    differences.extend(difference(name, count, recorded.get(name)));
                }
            }
            if now.compiler == then.compiler {
                failures.extend(differences);
                continue;
            }
            println!(
                "{machine}: recorded with another compiler: {}; this is {}",
                then.compiler, now.compiler
            );
            for difference in differences {
                println!("  {difference}");
            }
        }
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        println!("bench: {} counts checked", self.counts.len());
        Ok(())
    }

    /// What `embert analyze` predicts wrongly of the record it is made from.
    fn wrong_predictions(&self, recorded: &Counts) -> Vec<String> {
        let mut wrong = Vec::new();
        let targets = recorded.keys().filter_map(|key| key.strip_suffix(", call"));
        for target in targets {
            let costs = Costs::from_counts(recorded, target);
            for text in &self.texts {
                let works = text.trace.iter();
                let works =
                    works.map(|(&(_, operation, depth), &work)| costs.work(operation, depth, work));
                let predicted = works.sum::<f64>() + costs.tokens(text.tokens);
                let counted = recorded[&format!("{target}, text {}", text.name)] as f64;
                if (predicted / counted - 1.0).abs() > PREDICTION {
                    let name = &text.name;
                    wrong.push(format!(
                        "{target}, {name}: {predicted:.0} instructions predicted, {counted} counted"
                    ));
                }
            }
        }
        for board in BOARDS {
            let machine = board.core.counts.split(' ').next().unwrap_or_default();
            let build = self.builds.get(machine);
            if let Some(found) = build.and_then(|build| build.code_bytes)
                && (found as f64 / board.core.code as f64 - 1.0).abs() > CODE
            {
                let (name, code) = (board.name, board.core.code);
                println!("{name}: {code} bytes of code in `embert analyze`, {found} here");
            }
        }
        wrong
    }
}

/// What `count` has more than the record.
fn difference(name: &str, count: u64, recorded: Option<&u64>) -> Option<String> {
    let Some(&then) = recorded else {
        return Some(format!("{name}: {count} instructions, none on record"));
    };
    // Fitted to the other counts, in which small differences are large ones here.
    if AROUND
        .iter()
        .any(|around| name.ends_with(&format!(", {around}")))
    {
        return None;
    }
    let more = count as f64 / then as f64 - 1.0;
    (count > then + COUNTER).then(|| {
        format!(
            "{name}: {count} instructions, {then} on record ({more:+.1}%)",
            more = 100.0 * more
        )
    })
}

/// The int8 texts. Predictions leave out the work between int4 kernels that adds their results up.
fn texts(models: &Models) -> Result<Vec<Text>> {
    let mut texts = Vec::new();
    let int8 = models.all().iter().filter(|model| !model.shape.has_int4);
    for model in int8 {
        let blob = AlignedBytes::copy(&fs::read(&model.path)?);
        for &tokens in model.tokens {
            texts.push(Text {
                name: format!("{} S{tokens}", model.name),
                tokens: tokens as usize,
                trace: trace(&Model::parse(&blob)?, tokens as usize)?,
            });
        }
    }
    Ok(texts)
}

/// Adds what `target` takes around its kernels, by call and by token, to the counts.
fn add_around(target: &str, texts: &[Text], counts: &mut Counts) {
    let counted = |text: &Text| counts[&format!("{target}, text {}", text.name)] as f64;
    let [more, less] = texts else {
        panic!("there are two int8 texts");
    };
    let both = [(&more.trace, counted(more)), (&less.trace, counted(less))];
    let prices = Costs::from_counts(counts, target).around(both, more.tokens);
    for (name, price) in AROUND.iter().zip(prices) {
        counts.insert(format!("{target}, {name}"), price as u64);
    }
}
