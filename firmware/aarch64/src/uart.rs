//! Arm's PL011 UART (DDI0183), in the little that QEMU's needs.

use core::ptr;

use embert_runtime::Serial;

const DATA: usize = 0x00;
const FLAGS: usize = 0x18;
const CONTROL: usize = 0x30;

const RECEIVER_EMPTY: u32 = 1 << 4;
const TRANSMITTER_FULL: u32 = 1 << 5;
/// The UART, its transmitter and its receiver.
const ENABLE: u32 = 1 << 0 | 1 << 8 | 1 << 9;

pub struct Uart {
    base: usize,
}

impl Uart {
    /// # Safety
    /// `base` must be the address of a PL011 that this core may use.
    pub const unsafe fn new(base: usize) -> Self {
        Self { base }
    }

    /// Turns both directions on. The line is left as it is: to set it would drop what the host has
    /// sent already.
    pub fn enable(&self) {
        self.write(CONTROL, ENABLE);
    }

    fn read(&self, register: usize) -> u32 {
        // SAFETY: `new`'s caller vouches for the UART; `register` is one of the
        // constants above, all of them aligned registers of it.
        unsafe { ptr::read_volatile((self.base + register) as *const u32) }
    }

    fn write(&self, register: usize, value: u32) {
        // SAFETY: as for `read`; no register makes the UART touch memory.
        unsafe { ptr::write_volatile((self.base + register) as *mut u32, value) }
    }
}

impl Serial for Uart {
    fn receive(&self) -> u8 {
        while self.read(FLAGS) & RECEIVER_EMPTY != 0 {}
        // Only the low 8 bits of DATA are data.
        self.read(DATA) as u8
    }

    fn send(&self, byte: u8) {
        while self.read(FLAGS) & TRANSMITTER_FULL != 0 {}
        self.write(DATA, u32::from(byte));
    }
}
