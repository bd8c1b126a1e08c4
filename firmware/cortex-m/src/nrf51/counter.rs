//! Instructions executed, by TIMER0 (nRF51 Series Reference Manual, "TIMER").
//!
//! QEMU run with `-icount shift=0` lets each instruction take exactly one nanosecond of the board's
//! time, so a span of the timer's 16 MHz is a count of instructions, in steps of 62.5. Its 32 bits
//! hold 268 thousand million of them.

use core::ptr;

const TIMER0: usize = 0x4000_8000;
const TASKS_START: usize = 0x000;
const TASKS_CAPTURE_0: usize = 0x040;
const BITMODE: usize = 0x508;
const PRESCALER: usize = 0x510;
const CC_0: usize = 0x540;

const BITMODE_32: u32 = 3;

/// Starts the timer at its full speed.
pub fn start() {
    write(BITMODE, BITMODE_32);
    write(PRESCALER, 0);
    write(TASKS_START, 1);
}

/// Instructions executed since [`start`].
pub fn instructions() -> u64 {
    write(TASKS_CAPTURE_0, 1);
    // SAFETY: an aligned register of a timer that every nRF51 has.
    let ticks = unsafe { ptr::read_volatile((TIMER0 + CC_0) as *const u32) };
    u64::from(ticks) * 125 / 2
}

fn write(register: usize, value: u32) {
    // SAFETY: `register` is one of the constants above, all of them aligned registers of a timer
    // that every nRF51 has; none makes it touch memory.
    unsafe { ptr::write_volatile((TIMER0 + register) as *mut u32, value) }
}
