//! Everything that must pass, as `cargo xtask test` runs it.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::toolchain::{Toolchain, workspace_root};
use crate::{process, setup};

/// Verbs that the command has only if asked for.
const TRAINING: &str = "embert-cli/train";

/// Sets the machine up and runs every check; the first one that fails ends it.
pub fn run() -> Result<()> {
    let start = Instant::now();
    step("setting up", || {
        setup::emulators_and_compilers()?;
        setup::linters()?;
        fetch_checkpoints();
        Ok(())
    })?;
    step("formatting", || {
        process::run(cargo().args(["fmt", "--all", "--check"]))?;
        process::run(
            cargo()
                .args(["fmt", "--all", "--check"])
                .current_dir(workspace_root().join("firmware")),
        )
    })?;
    step("lints of the host's crates", || {
        // Without training, too: that is what most people compile first.
        for features in ["", TRAINING] {
            process::run(cargo().args([
                "clippy",
                "--profile",
                "checked",
                "--workspace",
                "--features",
                features,
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))?;
        }
        Ok(())
    })?;
    step("lints of the firmware", lint_firmware)?;
    step("tests, the QEMU machines among them", || {
        process::run(cargo().args([
            "test",
            "--profile",
            "checked",
            "--workspace",
            "--features",
            TRAINING,
            "--no-fail-fast",
        ]))
    })?;
    eprintln!("== all passed in {:.0?}", start.elapsed());
    Ok(())
}

fn step(name: &str, action: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("== {name}");
    let start = Instant::now();
    action().with_context(|| name.to_owned())?;
    eprintln!("== {name}: {:.0?}", start.elapsed());
    Ok(())
}

fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace_root());
    command
}

fn lint_firmware() -> Result<()> {
    for machine in Machine::ALL.into_iter().chain([Machine::Microbit16K]) {
        let toolchain = Toolchain::find(machine.target())?;
        eprintln!(
            "{}: {}, {}",
            machine.name(),
            machine.target(),
            toolchain.name()
        );
        process::run_quietly(toolchain.cargo("clippy", machine).args([
            "--package",
            machine.package(),
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    Ok(())
}

/// Gets the real checkpoints, as far as this machine can. The tests that need a
/// missing one say that they are skipped.
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
    if let Err(error) = process::run_quietly(&mut script) {
        eprintln!("setup: not every checkpoint could be had: {error:#}");
    }
}
