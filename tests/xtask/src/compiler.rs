//! Which compiler and linker make an image: instruction counts and code sizes are figures of them.

use std::process::Command;

use anyhow::{Context, Result};

use crate::toolchain::{DEBIAN_RUSTC, Toolchain, debian_linker};

/// Version of rustc, LLVM and linker, as `cargo xtask bench` records them.
pub fn describe(target: &str) -> Result<String> {
    let toolchain = Toolchain::find(target)?;
    let rustc = match toolchain {
        Toolchain::Rustup => std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
        Toolchain::Debian => DEBIAN_RUSTC.into(),
    };
    let version = output(Command::new(rustc).arg("-vV"))?;
    let mut lines = version.lines();
    let rustc = lines.next().context("rustc -vV prints nothing")?;
    let llvm = lines.find_map(|line| line.strip_prefix("LLVM version: "));
    let llvm = llvm.unwrap_or("unknown");
    let (linker, core) = match toolchain {
        Toolchain::Rustup => ("its own linker".to_owned(), "precompiled core"),
        Toolchain::Debian => {
            let linker = output(Command::new(debian_linker(target)).arg("--version"))?;
            let first = linker.lines().next().unwrap_or("an unknown linker");
            (first.trim().to_owned(), "core from source")
        }
    };
    Ok(format!("{rustc}, LLVM {llvm}, {linker}, {core}"))
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().context(program)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
