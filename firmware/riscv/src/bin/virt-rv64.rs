//! QEMU's RISC-V board `virt` with an RV64GCV core: vectors of any length.
#![no_std]
#![no_main]

use core::arch::global_asm;

// Before any Rust code: the compiler itself uses vectors.
global_asm!(
    ".section .text.__pre_init",
    ".global __pre_init",
    "__pre_init:",
    "li t0, 0x200", // mstatus.VS: initial
    "csrs mstatus, t0",
    "ret",
);

#[riscv_rt::entry]
fn main() -> ! {
    embert_riscv::serve("virt-rv64")
}
