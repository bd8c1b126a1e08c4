//! What Arm's MPS2 and MPS3 boards share: the CMSDK UART, the instruction
//! counter and the report of faults.
#![no_std]

mod counter;
mod uart;

pub use counter::instructions;
pub use uart::Uart;

use cortex_m::Peripherals;
use cortex_m_rt::{ExceptionFrame, exception};

/// Brings the core into the state that the rest expects.
pub fn start(mut core: Peripherals) {
    #[cfg(target_abi = "eabihf")]
    set_float_mode();
    counter::start(&mut core.SYST);
}

#[cfg(target_abi = "eabihf")]
fn set_float_mode() {
    use cortex_m::register::fpscr::{self, RMode};
    // IEEE 754 as the other targets have it, whatever ran before: a boot loader
    // may have left denormals flushed.
    let mut mode = fpscr::read();
    mode.set_fz(false);
    mode.set_dn(false);
    mode.set_rmode(RMode::Nearest);
    // SAFETY: no Rust code has computed in another mode.
    unsafe { fpscr::write(mode) };
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
