//! The test command: `cargo xtask test`.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};
use embert_tests::not_run;

use crate::image::Image;
use crate::machine::Machine;
use crate::progress::Steps;
use crate::toolchain::workspace_root;
use crate::{process, setup};

/// The command line's training commands are a feature; their tests need it.
pub(crate) const TRAINING: &str = "embert-cli/train";

/// Sets this machine up and runs every test.
pub fn all(fail_on_not_run: bool) -> Result<()> {
    let mut steps = Steps::new(5);
    let summary = Summary::start()?;
    steps.require("set-up", || {
        setup::emulators_and_compilers()?;
        fetch_checkpoints();
        Ok(())
    })?;
    steps.run("tests of the host", || {
        process::run(summary.cargo_test().args(["--features", TRAINING]))
    });
    steps.require("firmware images", build_images)?;
    steps.run("tests in QEMU", || test_in_qemu(&summary));
    steps.run("summary", || summary.print(fail_on_not_run));
    steps.finish()
}

/// Sets this machine up and runs the tests in QEMU.
pub fn in_qemu(fail_on_not_run: bool) -> Result<()> {
    let mut steps = Steps::new(4);
    let summary = Summary::start()?;
    steps.require("set-up", setup::emulators_and_compilers)?;
    steps.require("firmware images", build_images)?;
    steps.run("tests in QEMU", || test_in_qemu(&summary));
    steps.run("summary", || summary.print(fail_on_not_run));
    steps.finish()
}

fn build_images() -> Result<()> {
    for machine in Machine::ALL.into_iter().chain([Machine::Microbit16K]) {
        let image = Image::build(machine)?;
        let (name, target) = (machine.name(), machine.target());
        eprintln!("{name}: {target}, {}", image.toolchain.name());
    }
    Ok(())
}

fn test_in_qemu(summary: &Summary) -> Result<()> {
    let packages = ["--package", "embert-qemu-tests", "--package", "xtask"];
    process::run(summary.cargo_test().args(packages))
}

/// `cargo` at the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace_root());
    command
}

/// Collects the tests that are not run.
struct Summary {
    file: PathBuf,
}

impl Summary {
    fn start() -> Result<Self> {
        let file = workspace_root().join("target/not-run.txt");
        fs::create_dir_all(workspace_root().join("target"))?;
        fs::write(&file, "")?;
        Ok(Self { file })
    }

    fn cargo_test(&self) -> Command {
        let mut command = cargo();
        command.env(not_run::FILE, &self.file);
        command.args(["test", "--no-fail-fast"]);
        command
    }

    fn print(&self, fail_on_not_run: bool) -> Result<()> {
        let text = fs::read_to_string(&self.file)?;
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        match lines.len() {
            0 => eprintln!("every test was run"),
            count => eprintln!("{count} not run:\n  {}", lines.join("\n  ")),
        }
        ensure!(lines.is_empty() || !fail_on_not_run, "tests were not run");
        Ok(())
    }
}

/// Fetches the real checkpoints, as far as this machine can. Tests that lack one are listed at the
/// end as not run.
fn fetch_checkpoints() {
    let root = workspace_root();
    let shared = env::var_os("EMBERT_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let mut script = Command::new("sh");
    script
        .arg(root.join("tests/golden/checkpoints.sh"))
        .arg(root.join("checkpoints"));
    let archive = shared.join("models/rampart-MiniLM-L6-pii-ner.tar.xz");
    if archive.exists() {
        script.arg(archive);
    }
    let fetched = setup::pip().and_then(|()| process::run_quietly(&mut script));
    if let Err(error) = fetched {
        eprintln!("set-up: not every checkpoint could be fetched: {error:#}");
    }
}
