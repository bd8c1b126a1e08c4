//! defmt records travel as frames of their own on the one serial line, since a
//! real board rarely has a second one. Nothing is formatted here: a record is a
//! few bytes, and the host turns it into text with the image's symbols.
#![allow(unsafe_code)]

use core::cell::{Cell, RefCell};

use critical_section::{CriticalSection, Mutex, RestoreState};
use embert_protocol::Response;
use heapless::Vec;

/// Longest record in bytes. A longer one is cut short, and the host says that
/// it could not be decoded.
const MAX_RECORD_BYTES: usize = 256;

#[defmt::global_logger]
struct Logger;

static RECORD: Mutex<RefCell<Vec<u8, MAX_RECORD_BYTES>>> = Mutex::new(RefCell::new(Vec::new()));
static INTERRUPTS: Mutex<Cell<RestoreState>> = Mutex::new(Cell::new(RestoreState::invalid()));

// SAFETY: a record is written between `acquire` and `release` with interrupts
// off on a single core, so records never interleave.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: `release` restores this state; defmt pairs the two calls and
        // does not nest them.
        let state = unsafe { critical_section::acquire() };
        // SAFETY: interrupts have just been turned off.
        let cs = unsafe { CriticalSection::new() };
        INTERRUPTS.borrow(cs).set(state);
        RECORD.borrow_ref_mut(cs).clear();
    }

    unsafe fn flush() {}

    unsafe fn write(bytes: &[u8]) {
        critical_section::with(|cs| {
            let mut record = RECORD.borrow_ref_mut(cs);
            let room = record.capacity() - record.len();
            record.extend(bytes[..bytes.len().min(room)].iter().copied());
        });
    }

    unsafe fn release() {
        let state = critical_section::with(|cs| {
            // A frame holds more than a record.
            let _ = crate::link::send(&Response::Log(&RECORD.borrow_ref(cs)));
            INTERRUPTS.borrow(cs).get()
        });
        // SAFETY: `state` is what the paired `acquire` was given.
        unsafe { critical_section::release(state) };
    }
}
