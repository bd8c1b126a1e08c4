//! The request loop.

use embert::kernels::InstructionSet;
use embert::{Engine, EngineOptions, HeadKind, Header, Model, Windows, scratch_bytes};
use embert_protocol::{Cost, MAX_REQUEST_BYTES, Request, Response};
use postcard::accumulator::{CobsAccumulator, FeedResult};

use crate::failure::Failure;
use crate::{Board, link, memory, parts, report};

/// Answers the host's requests for ever, in the regions of `memory.x`.
pub fn serve(board: Board) -> ! {
    serve_in(board, memory::model(), memory::take_scratch())
}

/// As [`serve`], where there is no memory for requests of more than `REQUEST` bytes, encoded.
pub fn serve_short<const REQUEST: usize>(board: Board) -> ! {
    answer_all::<REQUEST>(board, memory::model(), memory::take_scratch())
}

/// Answers the host's requests for ever; the model lies at the start of its region.
pub fn serve_in(board: Board, model: &'static [u8], scratch: &'static mut [u8]) -> ! {
    answer_all::<MAX_REQUEST_BYTES>(board, model, scratch)
}

fn answer_all<const REQUEST: usize>(
    board: Board,
    model: &'static [u8],
    scratch: &'static mut [u8],
) -> ! {
    link::open(board.serial);
    let model = load(model);
    #[cfg(not(target_family = "wasm"))]
    defmt::info!(
        "{=str} is up, {=usize} bytes of scratch",
        board.name,
        scratch.len()
    );
    let mut requests: CobsAccumulator<REQUEST> = CobsAccumulator::new();
    loop {
        let byte = board.serial.receive();
        let request = match requests.feed_ref::<Request>(&[byte]) {
            FeedResult::Consumed => continue,
            FeedResult::Success { data, .. } => Ok(data),
            FeedResult::OverFull(_) => Err(Failure::TooLong),
            FeedResult::DeserError(_) => Err(Failure::Malformed),
        };
        let answered = request
            .and_then(|request| answer(&board, &model, scratch, &request))
            .and_then(|cost| link::send(&Response::Done(cost)));
        if let Err(failure) = answered {
            link::send_text(failure, |text| Response::Error(text));
        }
    }
}

/// The model at the start of its region, checked once and for all.
// Not part of the loop's frame, which lies under everything else: RAM may be 16 KB.
#[inline(never)]
fn load(region: &'static [u8]) -> Result<Model<'static>, Failure> {
    // The region is larger than the blob, whose length its header states.
    let length = Header::read(region)?.length;
    let model = Model::parse(region.get(..length).unwrap_or(region))?;
    if !model.verify() {
        return Err(Failure::Damaged);
    }
    Ok(model)
}

// Not part of the loop's frame, which lies under everything else: RAM may be 16 KB.
#[inline(never)]
fn answer(
    board: &Board,
    model: &Result<Model, Failure>,
    scratch: &mut [u8],
    request: &Request,
) -> Result<Cost, Failure> {
    match *request {
        Request::Run {
            question,
            text,
            limit,
            tokens,
            set,
            parts,
        } => {
            let model = model.as_ref().map_err(|failure| *failure)?;
            let mut kernels = set.map_or(Ok(InstructionSet::detect()), named)?;
            if parts {
                kernels = parts::observe(kernels, board.instructions);
            }
            let texts = (question, text);
            let cost = run(board, model, kernels, scratch, texts, limit, tokens)?;
            if parts {
                for (kernel, part) in parts::observed() {
                    link::send(&Response::Part { kernel, part })?;
                }
            }
            Ok(cost)
        }
        Request::Check { set } => {
            let cases =
                embert_conformance::check(named(set)?, scratch).map_err(Failure::Mismatch)?;
            link::send(&Response::Checked { cases })?;
            Ok(Cost::default())
        }
        Request::Measure { set, ref work } => {
            let now = board.instructions;
            let instructions = embert_conformance::measure(named(set)?, work, scratch, now)
                .ok_or(Failure::TooMuchWork)?;
            Ok(Cost {
                instructions,
                ..Cost::default()
            })
        }
        Request::Spin { iterations } => {
            let start = (board.instructions)();
            (board.spin)(iterations);
            let instructions = (board.instructions)() - start;
            Ok(Cost {
                instructions,
                ..Cost::default()
            })
        }
    }
}

fn named(set: &str) -> Result<InstructionSet, Failure> {
    InstructionSet::named(set).ok_or(Failure::NoSuchSet)
}

// As `answer`, which other requests need more for.
#[inline(never)]
fn run(
    board: &Board,
    model: &Model,
    set: InstructionSet,
    scratch: &mut [u8],
    (question, text): (Option<&str>, &str),
    limit: Option<u32>,
    with_tokens: bool,
) -> Result<Cost, Failure> {
    let positions = model.shape().positions;
    let limit = limit.map_or(positions, |limit| positions.min(limit as usize));
    let needed = scratch_bytes(model.shape(), limit);
    let available = scratch.len();
    let Some(scratch) = scratch.get_mut(..needed) else {
        return Err(Failure::TooManyTokens {
            tokens: limit,
            needed,
            available,
        });
    };
    memory::paint_scratch(scratch);
    let settings = EngineOptions {
        set,
        ..EngineOptions::default()
    };
    let mut engine = Engine::with(model, scratch, settings)?;
    let mut cost = Cost {
        scratch_bytes: needed as u32,
        ..Cost::default()
    };
    match question {
        Some(question) => {
            let reading = measured(board, &mut cost, || engine.run_pair(question, text));
            report::send(model, &reading?, true, with_tokens)?;
        }
        None if model.shape().head == HeadKind::TokenClassification => {
            let mut windows = Windows::new(text);
            while let Some(window) = measured(board, &mut cost, || windows.next(&mut engine))? {
                report::send_window(model, &window, with_tokens)?;
            }
        }
        None => {
            let reading = measured(board, &mut cost, || engine.run(text));
            report::send(model, &reading?, false, with_tokens)?;
        }
    }
    cost.scratch_used_bytes = memory::scratch_used(scratch) as u32;
    Ok(cost)
}

/// Does a piece of work, and adds what it took to the cost.
fn measured<T>(board: &Board, cost: &mut Cost, work: impl FnOnce() -> T) -> T {
    let stack = memory::paint_stack();
    let start = (board.instructions)();
    let done = work();
    cost.instructions += (board.instructions)() - start;
    // Past this point results could be wrong: some other memory was overwritten.
    let Some(stack_bytes) = memory::stack_used(stack) else {
        panic!("stack overflow");
    };
    cost.stack_bytes = cost.stack_bytes.max(stack_bytes as u32);
    done
}
