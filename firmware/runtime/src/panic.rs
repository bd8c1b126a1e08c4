//! A panic, or a fault that a board turns into one, is told to the host.

use core::panic::PanicInfo;

use embert_protocol::Response;

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    crate::link::resynchronize();
    crate::link::send_text(info, |text| Response::Panic(text));
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    loop {
        core::hint::spin_loop();
    }
}
