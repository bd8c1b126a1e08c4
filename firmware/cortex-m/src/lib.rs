//! What the Cortex-M machines share: start-up of the two families, and the report of faults.
#![no_std]

pub mod mps;
pub mod nrf51;

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
