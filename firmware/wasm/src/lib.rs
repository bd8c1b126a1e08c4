//! WebAssembly with 128-bit vectors.
//!
//! The host is the other end of the serial line, counts the instructions, and puts the model into
//! memory before it calls [`serve`].
#![no_std]

use core::arch::wasm32;
use core::ptr;
use core::slice;

use critical_section::RawRestoreState;
use embert_runtime::{Board, Serial};

/// Pages of scratch, 64 KiB each: as much as QEMU's RISC-V boards have.
const SCRATCH_PAGES: usize = 14 * 16;
const PAGE_BYTES: usize = 64 * 1024;

/// What the host counts for a round of [`spin`].
const SPIN_OPERATORS: u32 = 6;

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Waits for the next byte of a request; the call does not return when there is none to come.
    safe fn receive() -> u32;
    safe fn send(byte: u32);
    safe fn instructions() -> u64;
}

/// The line that the host lends.
struct Line;

impl Serial for Line {
    fn receive(&self) -> u8 {
        receive() as u8
    }

    fn send(&self, byte: u8) {
        send(u32::from(byte));
    }
}

struct OneThread;
critical_section::set_impl!(OneThread);

// SAFETY: the module has one thread and no interrupts, so every section is critical.
unsafe impl critical_section::Impl for OneThread {
    unsafe fn acquire() -> RawRestoreState {}
    unsafe fn release(_: RawRestoreState) {}
}

/// Answers requests until the line ends.
///
/// # Safety
/// The `bytes` bytes from `model` on must be memory that nobody writes any more and that lies
/// outside the module's data and stack: pages that the host has added, say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn serve(model: *const u8, bytes: usize) {
    // SAFETY: the caller vouches for it.
    let model = unsafe { slice::from_raw_parts(model, bytes) };
    let board = Board {
        name: "wasm32",
        serial: &Line,
        instructions: || instructions(),
        spin,
    };
    embert_runtime::serve_in(board, model, scratch())
}

/// Pages of its own for the scratch.
fn scratch() -> &'static mut [u8] {
    let page = wasm32::memory_grow(0, SCRATCH_PAGES);
    assert_ne!(page, usize::MAX, "no memory for the scratch");
    let start = ptr::with_exposed_provenance_mut(page * PAGE_BYTES);
    // SAFETY: these pages are new: zeros that nobody else refers to.
    unsafe { slice::from_raw_parts_mut(start, SCRATCH_PAGES * PAGE_BYTES) }
}

/// A loop that the compiler can neither take apart nor take out.
fn spin(iterations: u32) {
    let mut left = 2 * iterations / SPIN_OPERATORS;
    let left = &raw mut left;
    // SAFETY: a local variable is read and written.
    unsafe {
        while left.read_volatile() != 0 {
            left.write_volatile(left.read_volatile() - 1);
        }
    }
}
