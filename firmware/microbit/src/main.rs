//! BBC micro:bit `microbit`: Cortex-M0, which lacks what M0+ lacks.
#![no_std]
#![no_main]

mod counter;
mod uart;

use cortex_m_rt::{ExceptionFrame, exception};
use embert_firmware::Board;

#[cortex_m_rt::entry]
fn main() -> ! {
    counter::start();
    uart::enable();
    embert_firmware::serve(Board {
        name: "microbit",
        serial: &uart::Uart,
        instructions: counter::instructions,
        spin: cortex_m::asm::delay,
    })
}

/// SAFETY: runs as a handler that never returns to the faulting code.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!(
        "hard fault at {:#010x}, called from {:#010x}",
        frame.pc(),
        frame.lr()
    );
}
