//! Arm MPS board `mps3-an547`: Cortex-M55.
#![no_std]
#![no_main]

use embert_firmware::Board;
use embert_mps::Uart;

const CLOCK_HZ: u64 = 32_000_000;

/// UART 0.
// SAFETY: the board has a CMSDK APB UART at this address.
static SERIAL: Uart = unsafe { Uart::new(0x5930_3000) };

#[cortex_m_rt::entry]
fn main() -> ! {
    let core = cortex_m::Peripherals::take().expect("taken once");
    embert_mps::start(core);
    SERIAL.enable();
    embert_firmware::serve(Board {
        name: "mps3-an547",
        serial: &SERIAL,
        instructions: embert_mps::instructions::<CLOCK_HZ>,
        spin: cortex_m::asm::delay,
    })
}
