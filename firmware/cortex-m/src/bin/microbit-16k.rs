//! BBC micro:bit as it is: 256 KB of flash and 16 KB of RAM.
#![no_std]
#![no_main]

/// Longest request, bytes: with a text of one or two lines.
const REQUEST: usize = 256;

#[cortex_m_rt::entry]
fn main() -> ! {
    embert_runtime::serve_short::<REQUEST>(embert_cortex_m::nrf51::start("microbit-16k"))
}
