//! The UART of Arm's Cortex-M System Design Kit (DDI0479, "APB UART").

use core::ptr;

use embert_runtime::Serial;

const DATA: usize = 0x000;
const STATE: usize = 0x004;
const CTRL: usize = 0x008;
const BAUDDIV: usize = 0x010;

const STATE_TX_FULL: u32 = 1 << 0;
const STATE_RX_FULL: u32 = 1 << 1;
const CTRL_TX_ENABLE: u32 = 1 << 0;
const CTRL_RX_ENABLE: u32 = 1 << 1;

/// Smallest divisor the UART takes, so the fastest line.
const FASTEST: u32 = 16;

pub struct Uart {
    base: usize,
}

impl Uart {
    /// # Safety
    /// `base` must be the address of a CMSDK APB UART that this core may use.
    pub const unsafe fn new(base: usize) -> Self {
        Self { base }
    }

    /// Turns both directions on.
    pub fn enable(&self) {
        self.write(BAUDDIV, FASTEST);
        self.write(CTRL, CTRL_TX_ENABLE | CTRL_RX_ENABLE);
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
        while self.read(STATE) & STATE_RX_FULL == 0 {}
        // Only the low 8 bits of DATA are data.
        self.read(DATA) as u8
    }

    fn send(&self, byte: u8) {
        while self.read(STATE) & STATE_TX_FULL != 0 {}
        self.write(DATA, u32::from(byte));
    }
}
