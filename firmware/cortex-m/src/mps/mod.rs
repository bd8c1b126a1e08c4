//! Arm's MPS2 and MPS3 boards: the CMSDK UART and the instruction counter.

mod counter;
mod uart;

pub use uart::Uart;

use cortex_m::Peripherals;
use embert_runtime::Board;

/// Answers the host's requests forever, as the board `name` with a processor clock of `HZ`.
pub fn serve<const HZ: u64>(name: &'static str, serial: &'static Uart) -> ! {
    let mut core = Peripherals::take().expect("taken once");
    #[cfg(target_abi = "eabihf")]
    set_float_mode();
    counter::start(&mut core.SYST);
    serial.enable();
    embert_runtime::serve(Board {
        name,
        serial,
        instructions: counter::instructions::<HZ>,
        spin: cortex_m::asm::delay,
    })
}

/// IEEE 754 as on the other targets: a boot loader may have left denormals flushed to zero.
#[cfg(target_abi = "eabihf")]
fn set_float_mode() {
    use cortex_m::register::fpscr::{self, RMode};
    let mut mode = fpscr::read();
    mode.set_fz(false);
    mode.set_dn(false);
    mode.set_rmode(RMode::Nearest);
    // SAFETY: no Rust code has computed in another mode.
    unsafe { fpscr::write(mode) };
}
