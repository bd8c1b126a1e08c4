//! What Arm's MPS2 and MPS3 boards share: the CMSDK UART, the instruction
//! counter and the report of faults.
#![no_std]

mod counter;
mod uart;

pub use counter::{instructions, start_counter};
pub use uart::Uart;

use cortex_m_rt::{ExceptionFrame, exception};

/// SAFETY: runs as a handler that never returns to the faulting code.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!(
        "hard fault at {:#010x}, called from {:#010x}",
        frame.pc(),
        frame.lr()
    );
}
