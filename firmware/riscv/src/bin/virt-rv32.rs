//! QEMU's RISC-V board `virt` with an RV32IMAC core.
#![no_std]
#![no_main]

#[riscv_rt::entry]
fn main() -> ! {
    embert_riscv::serve("virt")
}
