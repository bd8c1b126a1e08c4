//! A panic, or a fault that a board turns into one, is told to the host.

use core::fmt::Write;
use core::panic::PanicInfo;

use embert_wire::Response;
use heapless::String;

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    let mut message: String<256> = String::new();
    // What does not fit is left out: place and start of the message come first.
    let _ = write!(message, "{info}");
    crate::link::resynchronize();
    crate::link::send(&Response::Panic(&message));
    loop {
        core::hint::spin_loop();
    }
}
