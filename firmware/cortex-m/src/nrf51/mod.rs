//! The micro:bit's nRF51: its UART and the instruction counter.

mod counter;
mod uart;

use embert_runtime::Board;

/// Starts counter and serial line. Returns the board for the request loop.
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
