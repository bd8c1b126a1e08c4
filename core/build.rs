//! Names the extensions that kernels may use where rustc hides them from stable code.
//!
//! Those of Cortex-M are told from the target and from `-C target-cpu`: every thumbv7em has DSP; on
//! thumbv8m.main the core decides; all that is left has `MLA`, or `MULS` alone. RISC-V's vectors are told from `-C target-feature=+v`, or from
//! the profile in the target's name.

use std::env;

/// Cores with DSP, and those with Helium (MVE), whose kernels need no other.
const DSP_CORES: [&str; 2] = ["cortex-m33", "cortex-m35p"];
const HELIUM_CORES: [&str; 3] = ["cortex-m52", "cortex-m55", "cortex-m85"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(embert_dsp)");
    println!("cargo::rustc-check-cfg=cfg(embert_helium)");
    println!("cargo::rustc-check-cfg=cfg(embert_mla)");
    println!("cargo::rustc-check-cfg=cfg(embert_muls)");
    println!("cargo::rustc-check-cfg=cfg(embert_rvv)");
    let target = env::var("TARGET").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let built_for = |cores: &[&str]| {
        let core = |flag: &str| {
            flag.rsplit_once("target-cpu=")
                .map(|(_, core)| core.to_owned())
        };
        flags
            .split('\u{1f}')
            .filter_map(core)
            .any(|core| cores.contains(&core.as_str()))
    };
    let helium = built_for(&HELIUM_CORES);
    if helium {
        println!("cargo::rustc-cfg=embert_helium");
    } else if target.starts_with("thumbv7em") || built_for(&DSP_CORES) {
        println!("cargo::rustc-cfg=embert_dsp");
    } else if target.starts_with("thumbv7m") || target.starts_with("thumbv8m.main") {
        println!("cargo::rustc-cfg=embert_mla");
    } else if target.starts_with("thumbv6m") || target.starts_with("thumbv8m.base") {
        println!("cargo::rustc-cfg=embert_muls");
    }

    let mut features = flags
        .split('\u{1f}')
        .filter_map(|flag| flag.rsplit_once("target-feature="))
        .flat_map(|(_, features)| features.split(','));
    let vectors = features.any(|feature| feature == "+v");
    if target.starts_with("riscv64a23") || vectors && target.starts_with("riscv") {
        println!("cargo::rustc-cfg=embert_rvv");
    }
}
