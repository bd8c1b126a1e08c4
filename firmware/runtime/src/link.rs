//! Frames over the serial line.
//!
//! The line is reachable from everywhere, because the logger and the panic
//! handler must reach it without being handed it.

use core::cell::Cell;
use core::fmt::{Display, Write};

use critical_section::Mutex;
use embert_protocol::{MAX_RESPONSE_BYTES, Response};
use heapless::String;

use crate::Serial;
use crate::failure::Failure;

/// Longest message of an error or a panic, in bytes.
const MAX_TEXT_BYTES: usize = 256;

static SERIAL: Mutex<Cell<Option<&'static dyn Serial>>> = Mutex::new(Cell::new(None));

/// From now on [`send`] writes to `serial`.
pub fn open(serial: &'static dyn Serial) {
    critical_section::with(|cs| SERIAL.borrow(cs).set(Some(serial)));
}

/// Sends one frame; before [`open`] there is nobody to send it to.
pub fn send(response: &Response) -> Result<(), Failure> {
    let Some(serial) = critical_section::with(|cs| SERIAL.borrow(cs).get()) else {
        return Ok(());
    };
    let mut buffer = [0; MAX_RESPONSE_BYTES];
    let frame =
        embert_protocol::encode(response, &mut buffer).map_err(|_| Failure::ResponseTooLong)?;
    for &byte in frame {
        serial.send(byte);
    }
    Ok(())
}

/// Sends `text` as the frame that `frame` makes of it.
pub fn send_text(text: impl Display, frame: fn(&str) -> Response<'_>) {
    let mut buffer: String<MAX_TEXT_BYTES> = String::new();
    // Only the length can fail, and the beginning is better than nothing.
    let _ = write!(buffer, "{text}");
    // A frame holds more than the buffer.
    let _ = send(&frame(&buffer));
}

/// Ends whatever frame was under way when the firmware stopped, so that the
/// next one is read whole.
pub fn resynchronize() {
    if let Some(serial) = critical_section::with(|cs| SERIAL.borrow(cs).get()) {
        serial.send(0);
    }
}
