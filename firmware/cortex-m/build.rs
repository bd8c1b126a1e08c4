//! Gives each binary the memory layout of its machine: `memory/NAME.x`, which cortex-m-rt's linker
//! script includes as `memory.x`.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let variable = |name| PathBuf::from(env::var_os(name).expect("cargo sets this variable"));
    let (here, out) = (variable("CARGO_MANIFEST_DIR"), variable("OUT_DIR"));
    let layouts = fs::read_dir(here.join("memory")).expect("the folder of memory layouts");
    for layout in layouts {
        let layout = layout.expect("a memory layout").path();
        let name = layout.file_stem().expect("layouts are named for machines");
        let folder = out.join(name);
        fs::create_dir_all(&folder).expect("a folder for each machine");
        fs::copy(&layout, folder.join("memory.x")).expect("a copy of the layout");
        let (name, folder) = (name.display(), folder.display());
        println!("cargo:rustc-link-arg-bin={name}=-L{folder}");
    }
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    println!("cargo:rerun-if-changed=memory");
}
