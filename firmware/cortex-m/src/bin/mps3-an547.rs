//! Arm MPS board `mps3-an547`: Cortex-M55.
#![no_std]
#![no_main]

use embert_cortex_m::mps::{self, Uart};

/// UART 0.
// SAFETY: the board has a CMSDK APB UART at this address.
static SERIAL: Uart = unsafe { Uart::new(0x5930_3000) };

#[cortex_m_rt::entry]
fn main() -> ! {
    mps::serve::<32_000_000>("mps3-an547", &SERIAL)
}
