//! The regions of the board's `memory.x`, and how much of them was ever used.
//!
//! Use is measured by painting: unused memory is filled with a pattern, and
//! whatever no longer holds it has been written.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ops::Range;
use core::ptr;

use critical_section::Mutex;

/// Unlikely as data, and odd, so that it is no valid address either.
const PAINT: u32 = 0xA5C3_5A7D;

/// Stack left alone when painting: the frames of the painting itself.
const PAINT_MARGIN_BYTES: usize = 256;

unsafe extern "C" {
    static _stack_start: u8;
    static _stack_end: u8;
    static _model_start: u8;
    static _model_end: u8;
    static mut _scratch_start: u8;
    static mut _scratch_end: u8;
}

/// The whole model region: the blob lies at its start.
pub fn model() -> &'static [u8] {
    let start = &raw const _model_start;
    let end = &raw const _model_end;
    // SAFETY: `memory.x` gives this region to the model alone: it is plain
    // memory that no code writes, so its bytes are initialized and constant.
    unsafe { core::slice::from_raw_parts(start, end as usize - start as usize) }
}

/// The whole scratch region. It can be taken once.
pub fn take_scratch() -> &'static mut [u8] {
    static TAKEN: Mutex<Cell<bool>> = Mutex::new(Cell::new(false));
    let taken = critical_section::with(|cs| TAKEN.borrow(cs).replace(true));
    assert!(!taken, "the scratch is taken");
    let start = &raw mut _scratch_start;
    let end = &raw const _scratch_end;
    // SAFETY: `memory.x` gives this region to the scratch alone, and this is
    // the only reference to it: `TAKEN` lets a second call end above. Any byte
    // is a valid `u8`.
    unsafe { core::slice::from_raw_parts_mut(start, end as usize - start as usize) }
}

pub fn paint_scratch(scratch: &mut [u8]) {
    for word in scratch.chunks_exact_mut(size_of::<u32>()) {
        word.copy_from_slice(&PAINT.to_le_bytes());
    }
}

/// Bytes of scratch from its start to the last word written since painting.
pub fn scratch_used(scratch: &[u8]) -> usize {
    let untouched = scratch
        .rchunks_exact(size_of::<u32>())
        .take_while(|word| *word == PAINT.to_le_bytes())
        .count();
    scratch.len() - untouched * size_of::<u32>()
}

/// The lowest word of the stack.
fn stack_end() -> *mut u32 {
    // The linker puts WebAssembly's stack at the start of memory; no reference points to zero.
    #[cfg(target_family = "wasm")]
    return ptr::with_exposed_provenance_mut(16);
    #[cfg(not(target_family = "wasm"))]
    return (&raw const _stack_end).cast_mut().cast();
}

/// Paints the unused stack. The result is for [`stack_used`].
#[inline(never)]
pub fn paint_stack() -> Range<*mut u32> {
    let here = 0_u32;
    let bottom = stack_end();
    let top = (&raw const here)
        .cast_mut()
        .wrapping_byte_sub(PAINT_MARGIN_BYTES);
    let mut word = bottom;
    while word < top {
        // SAFETY: the word lies in the stack region, below every live frame by
        // the margin. An interrupt may use it between two stores and is then
        // gone again. `memory.x` aligns both ends.
        unsafe { ptr::write_volatile(word, PAINT) };
        word = word.wrapping_add(1);
    }
    bottom..top
}

/// Bytes of stack used since `painted`, below the place where it was painted.
/// `None`: the stack was used to its last word, and possibly beyond.
pub fn stack_used(painted: Range<*mut u32>) -> Option<usize> {
    let mut word = painted.start;
    // SAFETY: as for painting.
    while word < painted.end && unsafe { ptr::read_volatile(word) } == PAINT {
        word = word.wrapping_add(1);
    }
    if word == painted.start {
        return None;
    }
    Some(painted.end as usize - word as usize + PAINT_MARGIN_BYTES)
}
