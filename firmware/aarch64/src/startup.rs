//! From reset to `main`, and what an exception comes to.

use core::arch::{asm, global_asm};

use critical_section::RawRestoreState;

/// MAIR_EL1: memory type 0 is plain cached memory, type 1 that of devices.
const MEMORY_TYPES: u64 = 0xff;
/// TCR_EL1: 39 bits of address (tables start at gigabytes), tables in cached memory, and none for
/// the upper half of the addresses.
const TRANSLATION: u64 = (64 - 39) | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23;
/// SCTLR_EL1: translation and both caches.
const CACHED: u64 = 1 << 0 | 1 << 2 | 1 << 12;
/// CPACR_EL1: no traps of floating point and vectors.
const VECTORS: u64 = 3 << 20;

/// Table entries of a gigabyte, accessed already: of devices, never executed, and of RAM.
const DEVICES: u64 = 1 << 10 | 1 | 1 << 2 | 1 << 53 | 1 << 54;
const RAM: u64 = 0x4000_0000 | 1 << 10 | 1 | 3 << 8;

global_asm!(
    ".section .text.start, \"ax\"",
    ".global _start",
    "_start:",
    "ldr x0, =_stack_start",
    "mov sp, x0",
    "ldr x0, ={vectors}",
    "msr cpacr_el1, x0",
    "adrp x0, exceptions",
    "add x0, x0, :lo12:exceptions",
    "msr vbar_el1, x0",
    "ldr x0, ={memory_types}",
    "msr mair_el1, x0",
    "ldr x0, ={translation}",
    "msr tcr_el1, x0",
    "adrp x0, table",
    "msr ttbr0_el1, x0",
    "isb",
    "mrs x0, sctlr_el1",
    "ldr x1, ={cached}",
    "orr x0, x0, x1",
    "msr sctlr_el1, x0",
    "isb",
    // IEEE 754 as the other targets have it.
    "msr fpcr, xzr",
    "b {start}",
    "",
    // Sixteen vectors of 128 bytes.
    ".section .text.exceptions, \"ax\"",
    ".balign 2048",
    "exceptions:",
    ".rept 16",
    "b {exception}",
    ".balign 128",
    ".endr",
    "",
    // Addresses are what they were. Without translation all memory would count as a device's,
    // where unaligned access is a fault.
    ".section .rodata.table, \"a\"",
    ".balign 4096",
    "table:",
    ".quad {devices}, {ram}",
    ".fill 510, 8, 0",
    vectors = const VECTORS,
    memory_types = const MEMORY_TYPES,
    translation = const TRANSLATION,
    cached = const CACHED,
    devices = const DEVICES,
    ram = const RAM,
    exception = sym exception,
    start = sym start,
);

extern "C" fn start() -> ! {
    crate::main()
}

/// No interrupt is ever enabled, so this is a fault.
extern "C" fn exception() -> ! {
    let (syndrome, address, place): (u64, u64, u64);
    // SAFETY: reads registers.
    unsafe {
        asm!(
            "mrs {syndrome}, esr_el1",
            "mrs {address}, far_el1",
            "mrs {place}, elr_el1",
            syndrome = out(reg) syndrome,
            address = out(reg) address,
            place = out(reg) place,
            options(nomem, nostack),
        );
    }
    panic!("exception {syndrome:#x} at {place:#010x} on {address:#010x}");
}

struct OneCore;
critical_section::set_impl!(OneCore);

// SAFETY: the one core runs with interrupts off in between.
unsafe impl critical_section::Impl for OneCore {
    unsafe fn acquire() -> RawRestoreState {
        let masks;
        // SAFETY: what follows is not moved before the masks are set.
        unsafe {
            asm!("mrs {masks}, daif", "msr daifset, #3", masks = out(reg) masks, options(nostack));
        }
        masks
    }

    unsafe fn release(masks: RawRestoreState) {
        // SAFETY: the caller hands back what `acquire` gave.
        unsafe { asm!("msr daif, {masks}", masks = in(reg) masks, options(nostack)) };
    }
}
