//! Instructions executed, by SysTick.
//!
//! SysTick counts clock cycles. QEMU run with `-icount shift=0` lets each
//! instruction take exactly one nanosecond of the board's time, so a span of
//! cycles is a count of instructions, in steps of one clock period.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};
use cortex_m_rt::exception;

/// SysTick is 24 bits wide. Rounds of 20 bits cost no more than an interrupt in
/// millions of instructions, and even short tests see a round end.
const RELOAD: u32 = 0x000F_FFFF;

static WRAPS: AtomicU32 = AtomicU32::new(0);

#[exception]
fn SysTick() {
    // Only this handler writes it. ARMv6-M, which the package is also built for, has no read-modify-write.
    WRAPS.store(WRAPS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Starts SysTick on the processor clock.
pub fn start(syst: &mut SYST) {
    syst.set_clock_source(SystClkSource::Core);
    syst.set_reload(RELOAD);
    syst.clear_current();
    syst.enable_interrupt();
    syst.enable_counter();
}

/// Instructions executed since [`start`], on a processor clock of `HZ`.
pub fn instructions<const HZ: u64>() -> u64 {
    // Quarters of a nanosecond, so that both boards' periods are integers and
    // no division adds to what is counted.
    ticks() * const { 4_000_000_000 / HZ } / 4
}

fn ticks() -> u64 {
    loop {
        let wraps = WRAPS.load(Ordering::Relaxed);
        let down = SYST::get_current();
        // Around a wrap the counter and the number of wraps may be from
        // different rounds: the interrupt comes when the counter reaches zero,
        // one tick before it starts over.
        if down != 0 && !SCB::is_pendst_pending() && wraps == WRAPS.load(Ordering::Relaxed) {
            return u64::from(wraps) * (u64::from(RELOAD) + 1) + u64::from(RELOAD - down);
        }
    }
}
