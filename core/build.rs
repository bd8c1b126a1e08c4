//! Names the Cortex-M extensions that kernels may use.
//!
//! rustc hides Arm's target features from stable code, so they are told from the target and from
//! `-C target-cpu`: every thumbv7em has DSP; on thumbv8m.main the core decides.

use std::env;

/// Cores with DSP, and those with Helium (MVE), whose kernels need no other.
const DSP_CORES: [&str; 2] = ["cortex-m33", "cortex-m35p"];
const HELIUM_CORES: [&str; 3] = ["cortex-m52", "cortex-m55", "cortex-m85"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(embert_dsp)");
    println!("cargo::rustc-check-cfg=cfg(embert_helium)");
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
    }
}
