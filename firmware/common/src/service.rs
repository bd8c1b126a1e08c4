//! The request loop.

use embert_wire::{Cost, MAX_REQUEST_BYTES, Request, Response};
use postcard::accumulator::{CobsAccumulator, FeedResult};

use crate::{Board, link, memory};

/// Answers the host's requests for ever.
///
/// # Safety
/// To be called once: it owns the board's scratch region.
#[allow(unsafe_code)]
pub unsafe fn serve(board: Board) -> ! {
    link::open(board.serial);
    let model = memory::model();
    // SAFETY: this function runs once, and calls this once.
    let scratch = unsafe { memory::scratch() };
    defmt::info!(
        "{=str}: {=usize} bytes of scratch, model region of {=usize} bytes",
        board.name,
        scratch.len(),
        model.len()
    );
    let mut requests: CobsAccumulator<MAX_REQUEST_BYTES> = CobsAccumulator::new();
    loop {
        let byte = board.serial.receive();
        match requests.feed_ref::<Request>(&[byte]) {
            FeedResult::Consumed => {}
            FeedResult::Success { data, .. } => match data {
                Request::Describe => link::send(&Response::Error(board.name)),
                Request::Run { text } => {
                    memory::paint_scratch(scratch);
                    let painted = memory::paint_stack();
                    let start = (board.instructions)();
                    let sum = model[..1024]
                        .iter()
                        .fold(0_u32, |sum, &byte| sum.wrapping_add(u32::from(byte)));
                    scratch[..4].copy_from_slice(&sum.to_le_bytes());
                    let instructions = (board.instructions)() - start;
                    link::send(&Response::Error(text));
                    defmt::info!("sum {=u32}", sum);
                    link::send(&Response::Done(Cost {
                        instructions,
                        stack_bytes: memory::stack_used(painted).unwrap_or(0) as u32,
                        scratch_bytes: memory::scratch_used(scratch) as u32,
                    }));
                }
                Request::Spin { iterations } => {
                    let start = (board.instructions)();
                    (board.spin)(iterations);
                    let instructions = (board.instructions)() - start;
                    link::send(&Response::Done(Cost {
                        instructions,
                        ..Cost::default()
                    }));
                }
            },
            FeedResult::OverFull(_) => link::send(&Response::Error("request too long")),
            FeedResult::DeserError(_) => link::send(&Response::Error("malformed request")),
        }
    }
}
