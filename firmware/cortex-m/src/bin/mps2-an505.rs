//! Arm MPS board `mps2-an505`: Cortex-M33, in Secure state.
#![no_std]
#![no_main]

use embert_cortex_m::mps::{self, Uart};

/// UART 0, by its Secure alias.
// SAFETY: the board has a CMSDK APB UART at this address.
static SERIAL: Uart = unsafe { Uart::new(0x5020_0000) };

#[cortex_m_rt::entry]
fn main() -> ! {
    mps::serve::<20_000_000>("mps2-an505", &SERIAL)
}
