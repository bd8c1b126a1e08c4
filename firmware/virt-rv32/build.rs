//! Names the linker scripts: the memory map is that of `embert-virt`.

fn main() {
    // riscv-rt's link.x, unlike cortex-m-rt's, does not include memory.x itself.
    println!("cargo:rustc-link-arg-bins=-Tmemory.x");
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
}
