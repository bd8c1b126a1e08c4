//! Tests of the firmware on emulated machines: `cargo test -p embert-qemu-tests`, or
//! `cargo xtask test-qemu`, which installs QEMU and the compilers first.

mod analysis;
mod kernels;
mod limits;
mod microbit_memory;
mod serial_line;
mod snapshots;
mod sram;
