//! What QEMU's RISC-V boards `virt` share, of 32 and of 64 bits: the memory map, the 16550 UART,
//! the instruction counter and the report of faults.
#![no_std]

mod uart;

use embert_runtime::Board;
use riscv::register::{mcause, minstret, mtval};
use riscv_rt::TrapFrame;
use uart::Uart;

/// UART 0.
// SAFETY: QEMU's `virt` has a 16550 with byte-wide registers at this address.
static SERIAL: Uart = unsafe { Uart::new(0x1000_0000) };

/// Answers the host's requests for ever, as the board `name`.
pub fn serve(name: &'static str) -> ! {
    embert_runtime::serve(Board {
        name,
        serial: &SERIAL,
        instructions: minstret::read64,
        // The loop takes off two at a time.
        spin: |iterations| riscv::asm::delay(2 * iterations),
    })
}

/// SAFETY: riscv-rt's own signature; it never returns to the faulting code.
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn exception(_frame: &TrapFrame) -> ! {
    panic!(
        "exception {:#x} on {:#010x}",
        mcause::read().bits(),
        mtval::read()
    );
}
