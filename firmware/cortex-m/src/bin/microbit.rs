//! BBC micro:bit `microbit`: Cortex-M0, which lacks what M0+ lacks; with more memory than it has.
#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    embert_runtime::serve(embert_cortex_m::nrf51::start("microbit"))
}
