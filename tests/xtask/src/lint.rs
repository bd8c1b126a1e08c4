//! `cargo xtask lint`: formatting and clippy, for `.ci/run`. A newer clippy may find more, so
//! neither is part of the test command.

use anyhow::Result;

use crate::check::{TRAINING, cargo};
use crate::machine::Machine;
use crate::progress::Steps;
use crate::toolchain::{Toolchain, workspace_root};
use crate::{process, setup};

/// Runs all of them.
pub fn run() -> Result<()> {
    let mut steps = Steps::new(4);
    steps.require("set-up", || {
        setup::emulators_and_compilers()?;
        setup::linters()
    })?;
    steps.run("formatting", || {
        let check = ["fmt", "--all", "--check"];
        process::run(cargo().args(check))?;
        process::run(
            cargo()
                .args(check)
                .current_dir(workspace_root().join("firmware")),
        )
    });
    steps.run("lints of the host's crates", || {
        // Without training too: most users compile that.
        for features in ["", TRAINING] {
            process::run(cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--features",
                features,
                "--",
                "-D",
                "warnings",
            ]))?;
        }
        Ok(())
    });
    steps.run("lints of the firmware", firmware);
    steps.finish()
}

fn firmware() -> Result<()> {
    for machine in Machine::ALL.into_iter().chain([Machine::Microbit16K]) {
        let toolchain = Toolchain::find(machine.target())?;
        let (name, target) = (machine.name(), machine.target());
        eprintln!("{name}: {target}, {}", toolchain.name());
        process::run_quietly(
            toolchain
                .cargo("clippy", machine)
                .args(machine.build_arguments())
                .args(["--", "-D", "warnings"]),
        )?;
    }
    Ok(())
}
