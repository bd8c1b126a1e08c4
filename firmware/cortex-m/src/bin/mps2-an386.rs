//! Arm MPS board `mps2-an386`: Cortex-M4F.
#![no_std]
#![no_main]

use embert_cortex_m::mps::{self, Uart};

/// UART 0.
// SAFETY: the board has a CMSDK APB UART at this address.
static SERIAL: Uart = unsafe { Uart::new(0x4000_4000) };

#[cortex_m_rt::entry]
fn main() -> ! {
    mps::serve::<25_000_000>("mps2-an386", &SERIAL)
}
