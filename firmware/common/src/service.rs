//! The request loop.

use core::fmt::{Display, Write};

use embert::text::Token;
use embert::{Engine, Header, Model, Output, Reading, TokenLabel, scratch_bytes};
use embert_wire::{
    Cost, Head, MAX_REQUEST_BYTES, NUMBERS_PER_RESPONSE, Request, Response, Truncation,
};
use heapless::String;
use postcard::accumulator::{CobsAccumulator, FeedResult};

use crate::{Board, link, memory};

/// A reason in words, cut where it is longer than any that this firmware has.
type Reason = String<256>;

fn reason(error: impl Display) -> Reason {
    let mut reason = Reason::new();
    // Only the length can fail, and half a reason is better than none.
    let _ = write!(reason, "{error}");
    reason
}

/// Answers the host's requests for ever.
///
/// # Safety
/// To be called once: it owns the board's scratch region.
#[allow(unsafe_code)]
pub unsafe fn serve(board: Board) -> ! {
    link::open(board.serial);
    let model = load(memory::model());
    // SAFETY: this function runs once, and calls this once.
    let scratch = unsafe { memory::scratch() };
    defmt::info!(
        "{=str} is up, {=usize} bytes of scratch",
        board.name,
        scratch.len()
    );
    let mut requests: CobsAccumulator<MAX_REQUEST_BYTES> = CobsAccumulator::new();
    loop {
        let byte = board.serial.receive();
        let request = match requests.feed_ref::<Request>(&[byte]) {
            FeedResult::Consumed => continue,
            FeedResult::Success { data, .. } => Ok(data),
            FeedResult::OverFull(_) => Err(reason("the request is too long")),
            FeedResult::DeserError(_) => Err(reason("the request is malformed")),
        };
        match request.and_then(|request| answer(&board, &model, scratch, &request)) {
            Ok(cost) => link::send(&Response::Done(cost)),
            Err(reason) => link::send(&Response::Error(&reason)),
        }
    }
}

/// The model at the start of its region, checked once and for all.
fn load(region: &'static [u8]) -> Result<Model<'static>, Reason> {
    // The region is larger than the blob, whose length its header states.
    let length = Header::read(region).map_err(reason)?.length;
    let model = Model::parse(region.get(..length).unwrap_or(region)).map_err(reason)?;
    if !model.verify() {
        return Err(reason("the blob is damaged: its checksum is wrong"));
    }
    Ok(model)
}

fn answer(
    board: &Board,
    model: &Result<Model, Reason>,
    scratch: &mut [u8],
    request: &Request,
) -> Result<Cost, Reason> {
    match *request {
        Request::Describe => {
            link::send(&Response::Board {
                name: board.name,
                scratch: scratch.len() as u32,
            });
            Ok(Cost::default())
        }
        Request::Run {
            text,
            limit,
            tokens,
        } => {
            let model = model.as_ref().map_err(Clone::clone)?;
            run(board, model, scratch, text, limit, tokens)
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

fn run(
    board: &Board,
    model: &Model,
    scratch: &mut [u8],
    text: &str,
    limit: Option<u32>,
    with_tokens: bool,
) -> Result<Cost, Reason> {
    let positions = model.shape().positions;
    let limit = limit.map_or(positions, |limit| positions.min(limit as usize));
    let needed = scratch_bytes(model.shape(), limit);
    let available = scratch.len();
    let Some(scratch) = scratch.get_mut(..needed) else {
        let mut reason = Reason::new();
        let _ = write!(
            reason,
            "{limit} tokens need {needed} bytes of scratch, there are {available}; limit the tokens"
        );
        return Err(reason);
    };
    memory::paint_scratch(scratch);
    let mut engine = Engine::new(model, scratch).map_err(reason)?;
    let stack = memory::paint_stack();
    let start = (board.instructions)();
    let reading = engine.run(text);
    let instructions = (board.instructions)() - start;
    // Past this point results could be wrong: some other memory was overwritten.
    let Some(stack_bytes) = memory::stack_used(stack) else {
        panic!("stack overflow");
    };
    report(model, &reading.map_err(reason)?, with_tokens);
    Ok(Cost {
        instructions,
        stack_bytes: stack_bytes as u32,
        scratch_bytes: needed as u32,
        scratch_used_bytes: memory::scratch_used(scratch) as u32,
    })
}

/// Sends what the model read and found.
fn report(model: &Model, reading: &Reading, with_tokens: bool) {
    link::send(&Response::Read {
        tokens: reading.tokens.len() as u32,
        truncation: reading.truncated.map(|truncation| Truncation {
            tokens_needed: truncation.needed as u32,
            bytes_read: truncation.covered_a,
        }),
        head: match reading.output {
            Output::Classes { .. } => Head::Classes,
            Output::Tokens { .. } => Head::Tokens,
            Output::Embedding(_) => Head::Embedding,
        },
    });
    match &reading.output {
        Output::Classes { probabilities, .. } => {
            for (index, &probability) in probabilities.iter().enumerate() {
                let label = model.labels().name(index);
                link::send(&Response::Class { label, probability });
            }
        }
        Output::Tokens { labels, entities } => {
            for entity in entities.clone() {
                link::send(&Response::Entity {
                    label: entity.label,
                    start: entity.start as u32,
                    end: entity.end as u32,
                    score: entity.score,
                });
            }
            if with_tokens {
                report_tokens(model, reading.tokens, labels);
            }
        }
        Output::Embedding(vector) => {
            for numbers in vector.chunks(NUMBERS_PER_RESPONSE) {
                link::send(&Response::Numbers(numbers.iter().copied().collect()));
            }
        }
    }
}

fn report_tokens(model: &Model, tokens: &[Token], labels: &[TokenLabel]) {
    let vocabulary = model.tokenizer().vocabulary();
    for (token, found) in tokens.iter().zip(labels) {
        // `[CLS]` and `[SEP]` come from nowhere in the text.
        if token.start < token.end {
            link::send(&Response::Token {
                piece: vocabulary.piece(token.id).unwrap_or_default(),
                start: token.start,
                end: token.end,
                label: model.labels().name(found.label as usize),
                score: found.score,
            });
        }
    }
}
