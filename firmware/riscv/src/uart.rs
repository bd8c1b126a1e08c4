//! The 16550 UART, in the little that QEMU's needs: no FIFO, no interrupts.

use core::ptr;

use embert_runtime::Serial;

const DATA: usize = 0;
const LINE_STATUS: usize = 5;

const DATA_READY: u8 = 1 << 0;
const TRANSMITTER_EMPTY: u8 = 1 << 5;

pub struct Uart {
    base: usize,
}

impl Uart {
    /// # Safety
    /// `base` must be the address of a 16550 with byte-wide registers.
    pub const unsafe fn new(base: usize) -> Self {
        Self { base }
    }

    fn line_status(&self) -> u8 {
        // SAFETY: `new`'s caller vouches for the UART; reading the line status
        // only clears error flags.
        unsafe { ptr::read_volatile((self.base + LINE_STATUS) as *const u8) }
    }
}

impl Serial for Uart {
    fn receive(&self) -> u8 {
        while self.line_status() & DATA_READY == 0 {}
        // SAFETY: as for the line status; the read takes one received byte.
        unsafe { ptr::read_volatile((self.base + DATA) as *const u8) }
    }

    fn send(&self, byte: u8) {
        while self.line_status() & TRANSMITTER_EMPTY == 0 {}
        // SAFETY: as for the line status; the write sends one byte.
        unsafe { ptr::write_volatile((self.base + DATA) as *mut u8, byte) }
    }
}
