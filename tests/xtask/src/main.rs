use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use embert_tools::report::{Colours, write_json, write_text};
use xtask::answer::{self, Answer, Options};
use xtask::bench;
use xtask::image::Image;
use xtask::machine::Machine;
use xtask::session::Session;
use xtask::setup;

/// The repository's own tasks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what the firmware and the tests need.
    Setup,
    /// Run texts through a model on a machine that QEMU emulates, or in WebAssembly.
    ///
    /// Prints the report of `embert run`, and on stderr the cost of each text.
    Qemu(Qemu),
    /// Count the instructions of kernels and whole texts on every machine.
    Bench(Bench),
    /// Compare the kernels of every instruction set with the scalar ones, on every machine.
    Kernels(Kernels),
    /// Time texts through a model on this machine. Each line of stdin is a number of texts.
    Time(Time),
    /// Set this machine up and run every test: first those of the host, then those in QEMU.
    Test(Test),
    /// Run the tests in QEMU only.
    TestQemu(Test),
    /// Check formatting and run clippy on all crates, the firmware's included.
    Lint,
    /// Look for retired names: those of tests/retired_words.txt.
    Words,
    /// Draw weights/accuracy.svg from weights/figures.json.
    Family,
    /// Generate core/src/text/unicode_tables.rs.
    UnicodeTables,
}

#[derive(Args)]
struct Test {
    /// Fail if a test is not run because its data is missing.
    #[arg(long)]
    fail_on_not_run: bool,
}

#[derive(Args)]
struct Qemu {
    machine: Machine,
    /// The model: a blob made by `embert quantize`.
    #[arg(long)]
    model: PathBuf,
    /// The texts.
    #[arg(value_name = "TEXT", required_unless_present = "file")]
    texts: Vec<String>,
    /// Read texts from this file, one a line.
    #[arg(long, short, conflicts_with = "texts")]
    file: Option<PathBuf>,
    /// Question that the model answers from every text.
    #[arg(long, short)]
    question: Option<String>,
    /// One line of JSON per text.
    #[arg(long)]
    json: bool,
    /// Show the label of every token too, where the model labels tokens.
    #[arg(long)]
    tokens: bool,
    /// Most tokens of a text, [CLS] and [SEP] included.
    #[arg(long, value_name = "TOKENS")]
    limit: Option<u32>,
    /// Seconds after which to give up on a text.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
}

#[derive(Args)]
struct Bench {
    /// The machines, all of them unless named.
    machines: Vec<Machine>,
    /// Instruction sets, the fastest of each machine unless named.
    #[arg(long, value_name = "SET")]
    set: Vec<String>,
    /// One line of JSON per figure.
    #[arg(long)]
    json: bool,
    /// Compare with the record. Fails if the recorded compiler gives more instructions or code now;
    /// of another compiler, prints the differences.
    #[arg(long, conflicts_with_all = ["machines", "set", "json"])]
    check: bool,
    /// Write the record anew, after a change that was meant.
    #[arg(long, conflicts_with_all = ["machines", "set", "json", "check"])]
    record: bool,
}

impl Bench {
    fn sets(&self, machine: Machine) -> Vec<&'static str> {
        let mut sets = machine.sets().to_vec();
        if !self.set.is_empty() {
            // Every machine has it.
            if !sets.contains(&"scalar") {
                sets.insert(0, "scalar");
            }
            sets.retain(|set| self.set.iter().any(|wanted| wanted == set));
        }
        sets
    }

    fn run(self) -> Result<()> {
        setup::emulators_and_compilers()?;
        let models = bench::Models::make()?;
        let mut rows = Vec::new();
        for machine in machines(&self.machines) {
            for set in self.sets(machine) {
                rows.extend(bench::measure(machine, set, &models)?);
            }
        }
        if self.check {
            bench::record::Measured::new(&rows, &models)?.check()
        } else if self.record {
            bench::record::Measured::new(&rows, &models)?.record()
        } else if self.json {
            bench::print_json(&rows)
        } else {
            bench::print(&rows)
        }
    }
}

#[derive(Args)]
struct Kernels {
    /// The machines, all of them unless named.
    machines: Vec<Machine>,
}

impl Kernels {
    fn run(self) -> Result<()> {
        setup::emulators_and_compilers()?;
        for machine in machines(&self.machines) {
            for &cpu in machine.cpus() {
                for &set in machine.sets() {
                    let cases = bench::check(machine, cpu, set)?;
                    let name = cpu.unwrap_or(machine.name());
                    println!("{name} {set}: {cases} cases as scalar");
                }
            }
        }
        Ok(())
    }
}

#[derive(Args)]
struct Time {
    /// The model: a blob made by `embert quantize`.
    model: PathBuf,
    /// Length of the text, [CLS] and [SEP] included.
    #[arg(long, default_value_t = 128)]
    tokens: usize,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Rows computed at a time.
    #[arg(long, default_value_t = embert_tools::threads::TILE)]
    tile: usize,
    /// Instruction set, the fastest unless named.
    #[arg(long)]
    set: Option<String>,
}

impl Time {
    fn run(self) -> Result<()> {
        xtask::time::run(&xtask::time::Timing {
            model: &self.model,
            tokens: self.tokens,
            threads: self.threads,
            tile: self.tile,
            set: self.set.as_deref(),
        })
    }
}

fn machines(named: &[Machine]) -> Vec<Machine> {
    if named.is_empty() {
        Machine::ALL.to_vec()
    } else {
        named.to_vec()
    }
}

impl Qemu {
    fn run(self) -> Result<()> {
        let texts = match &self.file {
            Some(file) => {
                let texts =
                    std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
                texts.lines().map(str::to_owned).collect()
            }
            None => self.texts,
        };
        setup::emulators_and_compilers()?;
        let image = Image::build(self.machine)?;
        let mut session = Session::start(&image, &self.model, Duration::from_secs(self.timeout))?;
        let options = Options {
            limit: self.limit,
            tokens: self.tokens,
        };
        let (colours, mut out) = (Colours::of_stdout(), io::stdout().lock());
        for (index, text) in texts.iter().enumerate() {
            let question = self.question.as_deref();
            let Answer { report, cost } = answer::ask(&mut session, question, text, options)?;
            if self.json {
                write_json(&report, &mut out)?;
            } else {
                if index > 0 {
                    writeln!(out)?;
                }
                write_text(&report, colours, &mut out)?;
            }
            out.flush()?;
            eprintln!(
                "[{}] {} instructions, {} bytes of stack, {} of {} bytes of scratch",
                self.machine.name(),
                cost.instructions,
                cost.stack_bytes,
                cost.scratch_used_bytes,
                cost.scratch_bytes
            );
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Setup => setup::emulators_and_compilers(),
        Task::Qemu(qemu) => qemu.run(),
        Task::Bench(bench) => bench.run(),
        Task::Kernels(kernels) => kernels.run(),
        Task::Time(time) => time.run(),
        Task::Test(test) => xtask::check::all(test.fail_on_not_run),
        Task::TestQemu(test) => xtask::check::in_qemu(test.fail_on_not_run),
        Task::Lint => xtask::lint::run(),
        Task::Words => xtask::words::run(),
        Task::Family => xtask::family::write(),
        Task::UnicodeTables => xtask::unicode_tables::write().map_err(anyhow::Error::from),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
