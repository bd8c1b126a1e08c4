//! Which Rust compiler builds the firmware.
//!
//! A rustup toolchain with the bare-metal target is preferred. Where rustup
//! cannot add one, Debian's compiler builds `core` from Debian's own source
//! package, for whatever target.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::machine::Machine;

const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";
pub(crate) const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/core/Cargo.toml";
const DEBIAN_LINKER: &str = "ld.lld";
const DEBIAN_WASM_LINKER: &str = "wasm-ld";

/// Debian's packages for [`Toolchain::Debian`].
pub const DEBIAN_PACKAGES: [&str; 5] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-clippy",
    "lld",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    /// The toolchain that runs this program, with the target installed.
    Rustup,
    /// Debian's compiler, which compiles `core` too.
    Debian,
}

impl Toolchain {
    /// The toolchain that can build for `target` on this machine.
    pub fn find(target: &str) -> Result<Self> {
        if has_rustup_target(target) {
            Ok(Self::Rustup)
        } else if has_debian_sources() {
            Ok(Self::Debian)
        } else {
            bail!("no Rust compiler for {target} here; `cargo xtask setup` installs one");
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Rustup => "rustup's target",
            Self::Debian => "Debian's compiler with core from source",
        }
    }

    /// `cargo <subcommand>` for the firmware workspace and the target of
    /// `machine`, with the release profile.
    pub fn cargo(self, subcommand: &str, machine: Machine) -> Command {
        let target = machine.target();
        let program = match self {
            Self::Rustup => std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
            // By way of cargo, rustup's clippy would be found first.
            Self::Debian if subcommand == "clippy" => DEBIAN_CLIPPY.into(),
            Self::Debian => DEBIAN_CARGO.into(),
        };
        let mut command = Command::new(program);
        // The settings of the cargo that runs this program are not for the
        // firmware: RUSTFLAGS, for one, would replace the flags in
        // firmware/.cargo/config.toml.
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "LD_LIBRARY_PATH",
        ] {
            command.env_remove(name);
        }
        command
            .current_dir(workspace_root().join("firmware"))
            .env("CARGO_TARGET_DIR", firmware_target_dir(machine))
            .args([subcommand, "--release", "--target", target]);
        if let Some(core) = machine.core() {
            command.env("RUSTFLAGS", format!("-Ctarget-cpu={core}"));
        }
        // The firmware's code model is another there than that of rustup's core, and LTO refuses to
        // put them together.
        if self == Self::Rustup && target.starts_with("riscv64") {
            command.env("CARGO_PROFILE_RELEASE_LTO", "off");
        }
        if self == Self::Debian {
            let linker = format!(
                "CARGO_TARGET_{}_LINKER",
                target.to_uppercase().replace(['-', '.'], "_")
            );
            command
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("RUSTDOC")
                .env("CARGO", DEBIAN_CARGO)
                .env("RUSTC", DEBIAN_RUSTC)
                // -Zbuild-std is not stable yet.
                .env("RUSTC_BOOTSTRAP", "1")
                .env(linker, debian_linker(target))
                .arg("-Zbuild-std=core,alloc");
        }
        command
    }
}

pub(crate) fn debian_linker(target: &str) -> &'static str {
    if target.starts_with("wasm") {
        DEBIAN_WASM_LINKER
    } else {
        DEBIAN_LINKER
    }
}

/// Whether the toolchain that runs this program has `target` installed.
pub fn has_rustup_target(target: &str) -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .output();
    // The folder is named whether or not it is there.
    output.is_ok_and(|output| {
        output.status.success()
            && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}

/// Whether Debian's compiler, linter, sources and linker are installed.
pub fn has_debian_sources() -> bool {
    [DEBIAN_CARGO, DEBIAN_CLIPPY, DEBIAN_RUSTC, DEBIAN_SOURCES]
        .iter()
        .all(|path| Path::new(path).exists())
        && crate::process::succeeds(Command::new(DEBIAN_LINKER).arg("--version"))
}

/// The repository's root.
pub fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("tests/xtask lies two folders deep")
        .to_owned()
}

/// Where the firmware is built: a folder of its own, because its toolchain may
/// be another one than the host's, and one per core where a target has several.
pub fn firmware_target_dir(machine: Machine) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace_root().join("target"), PathBuf::from);
    let firmware = target.join("firmware");
    match machine.core() {
        Some(core) => firmware.join(core),
        None => firmware,
    }
}
