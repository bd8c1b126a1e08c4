//! Frames over the serial line.
//!
//! The line is reachable from everywhere, because the logger and the panic
//! handler must reach it without being handed it.

use core::cell::Cell;

use critical_section::Mutex;
use embert_wire::{MAX_RESPONSE_BYTES, Response};

use crate::Serial;

static SERIAL: Mutex<Cell<Option<&'static dyn Serial>>> = Mutex::new(Cell::new(None));

/// From now on [`send`] writes to `serial`.
pub fn open(serial: &'static dyn Serial) {
    critical_section::with(|cs| SERIAL.borrow(cs).set(Some(serial)));
}

/// Sends one frame; before [`open`] there is nobody to send it to.
pub fn send(response: &Response) {
    let Some(serial) = critical_section::with(|cs| SERIAL.borrow(cs).get()) else {
        return;
    };
    let mut buffer = [0; MAX_RESPONSE_BYTES];
    let frame = match embert_wire::encode(response, &mut buffer) {
        Ok(frame) => frame,
        Err(_) => embert_wire::encode(
            &Response::Error("response too long for one frame"),
            &mut buffer,
        )
        .expect("a short text fits"),
    };
    for &byte in frame {
        serial.send(byte);
    }
}

/// Ends whatever frame was under way when the firmware stopped, so that the
/// next one is read whole.
pub fn resynchronize() {
    if let Some(serial) = critical_section::with(|cs| SERIAL.borrow(cs).get()) {
        serial.send(0);
    }
}
