//! Instructions executed, by the performance monitor's cycle counter.
//!
//! QEMU run with `-icount shift=0` lets each instruction take exactly one nanosecond of the
//! board's time, and a cycle of its cores takes as long.

use core::arch::asm;

/// PMCR_EL0: counters on, and all 64 bits of the cycle counter.
const ENABLE: u64 = 1 << 0;
const LONG_CYCLES: u64 = 1 << 6;
/// PMCNTENSET_EL0: the cycle counter.
const CYCLES: u64 = 1 << 31;

/// Starts the counter.
pub fn start() {
    // SAFETY: the performance monitor touches no memory.
    unsafe {
        asm!(
            "msr pmcntenset_el0, {cycles}",
            "msr pmcr_el0, {control}",
            "isb",
            cycles = in(reg) CYCLES,
            control = in(reg) ENABLE | LONG_CYCLES,
            options(nomem, nostack),
        );
    }
}

/// Instructions executed since [`start`].
pub fn instructions() -> u64 {
    let count;
    // SAFETY: reads a register. Without `nomem`, so that no memory access moves across it.
    unsafe {
        asm!("mrs {count}, pmccntr_el0", count = out(reg) count, options(nostack));
    }
    count
}

/// Executes `2 * (iterations + 1)` instructions and few more.
pub fn spin(iterations: u32) {
    // SAFETY: counts a register down.
    unsafe {
        asm!(
            "2:",
            "subs {left}, {left}, #1",
            "b.ne 2b",
            left = inout(reg) u64::from(iterations) + 1 => _,
            options(nomem, nostack),
        );
    }
}
