//! Arm MPS board `mps2-an505`: Cortex-M33, in Secure state.
#![no_std]
#![no_main]

use embert_firmware::Board;
use embert_mps::Uart;

const CLOCK_HZ: u64 = 20_000_000;

/// UART 0, by its Secure alias.
// SAFETY: the board has a CMSDK APB UART at this address.
static SERIAL: Uart = unsafe { Uart::new(0x5020_0000) };

#[cortex_m_rt::entry]
fn main() -> ! {
    let core = cortex_m::Peripherals::take().expect("taken once");
    embert_mps::start(core);
    SERIAL.enable();
    embert_firmware::serve(Board {
        name: "mps2-an505",
        serial: &SERIAL,
        instructions: embert_mps::instructions::<CLOCK_HZ>,
        spin: cortex_m::asm::delay,
    })
}
