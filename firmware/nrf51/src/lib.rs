//! What images for the micro:bit share: the nRF51's UART, the instruction counter and the report
//! of faults.
#![no_std]

mod counter;
mod uart;

use cortex_m_rt::{ExceptionFrame, exception};
use embert_firmware::Board;

/// Brings counter and line up; the board is for the request loop.
pub fn start(name: &'static str) -> Board {
    counter::start();
    uart::enable();
    Board {
        name,
        serial: &uart::Uart,
        instructions: counter::instructions,
        spin: cortex_m::asm::delay,
    }
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
