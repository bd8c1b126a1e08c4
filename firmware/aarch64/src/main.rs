//! QEMU's Arm board `virt` with a 64-bit core.
#![no_std]
#![no_main]

mod counter;
mod startup;
mod uart;

use embert_runtime::Board;
use uart::Uart;

/// UART 0.
// SAFETY: QEMU's `virt` has a PL011 at this address.
static SERIAL: Uart = unsafe { Uart::new(0x0900_0000) };

fn main() -> ! {
    counter::start();
    SERIAL.enable();
    embert_runtime::serve(Board {
        name: "virt",
        serial: &SERIAL,
        instructions: counter::instructions,
        spin: counter::spin,
    })
}
