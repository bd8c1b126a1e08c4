//! The nRF51's UART (nRF51 Series Reference Manual, "UART").

use core::ptr;

use embert_runtime::Serial;

const UART0: usize = 0x4000_2000;
const TASKS_STARTRX: usize = 0x000;
const TASKS_STARTTX: usize = 0x008;
const EVENTS_RXDRDY: usize = 0x108;
const EVENTS_TXDRDY: usize = 0x11c;
const ENABLE: usize = 0x500;
const RXD: usize = 0x518;
const TXD: usize = 0x51c;
const BAUDRATE: usize = 0x524;

const ENABLED: u32 = 4;
const FASTEST: u32 = 0x1000_0000;

/// The only one.
pub struct Uart;

/// Turns both directions on.
pub fn enable() {
    write(BAUDRATE, FASTEST);
    write(ENABLE, ENABLED);
    write(TASKS_STARTRX, 1);
    write(TASKS_STARTTX, 1);
}

impl Serial for Uart {
    fn receive(&self) -> u8 {
        while read(EVENTS_RXDRDY) == 0 {}
        // Before the byte is taken: the next one sets it again.
        write(EVENTS_RXDRDY, 0);
        // Only the low 8 bits of RXD are data.
        read(RXD) as u8
    }

    fn send(&self, byte: u8) {
        write(EVENTS_TXDRDY, 0);
        write(TXD, u32::from(byte));
        while read(EVENTS_TXDRDY) == 0 {}
    }
}

fn read(register: usize) -> u32 {
    // SAFETY: `register` is one of the constants above, all of them aligned registers of a UART
    // that every nRF51 has.
    unsafe { ptr::read_volatile((UART0 + register) as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as for `read`; no register makes the UART touch memory.
    unsafe { ptr::write_volatile((UART0 + register) as *mut u32, value) }
}
