//! The micro:bit as it is sold, 256 KB of flash and 16 KB of RAM: firmware and a tiny model in the
//! one, scratch, stack and statics in the other.

use std::fs;
use std::ops::Range;
use std::time::Duration;

use anyhow::Result;
use embert::{Engine, Model};
use embert::{Plan, TILE};
use embert_tests::blobs::{self, Aligned, COMMITTED};
use embert_tools::report::{Report, write_json};
use xtask::answer::{self, Options};
use xtask::image::Image;
use xtask::machine::Machine;
use xtask::session::Session;

const TIMEOUT: Duration = Duration::from_secs(600);

const FLASH: Range<u64> = 0..0x4_0000;
const RAM: Range<u64> = 0x2000_0000..0x2000_4000;

/// With words, characters of every kind, and as many tokens as a tiny model reads.
const TEXTS: [&str; 4] = [
    "",
    "the king sings.",
    "Élan, naïve 中文 \u{1F600} qqqq",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z the end the end",
];

/// QEMU gives the machine the memory of its chip, unless told otherwise.
#[test]
fn no_more_memory_than_the_board_has() -> Result<()> {
    let machine = Machine::Microbit16K;
    assert_eq!(machine.qemu_arguments(), ["-machine", "microbit"]);
    let image = Image::build(machine)?;
    let elf = image.elf.as_ref().expect("an ELF file");
    let region = |start, end| anyhow::Ok(elf.address(start)?..elf.address(end)?);
    let code = region("__vector_table", "__erodata")?;
    let model = region("_model_start", "_model_end")?;
    // It grows downwards.
    let stack = region("_stack_end", "_stack_start")?;
    let statics = region("__sdata", "__euninit")?;
    let scratch = region("_scratch_start", "_scratch_end")?;
    for (memory, region) in [
        (&FLASH, &code),
        (&FLASH, &model),
        (&RAM, &stack),
        (&RAM, &statics),
        (&RAM, &scratch),
    ] {
        assert!(region.start >= memory.start && region.end <= memory.end);
    }
    // One after the other: what overflows the stack is outside of RAM.
    assert_eq!(stack.start, RAM.start);
    assert!(stack.end <= statics.start && statics.end <= scratch.start);
    Ok(())
}

/// The same bytes as on the host, for texts of as many tokens as there is scratch for.
///
/// The firmware paints both and panics when the stack was used to its last word.
#[test]
fn tiny_models_run_in_it() -> Result<()> {
    let image = Image::build(Machine::Microbit16K)?;
    let elf = image.elf.as_ref().expect("an ELF file");
    let room = elf.address("_scratch_end")? - elf.address("_scratch_start")?;
    for committed in COMMITTED {
        let blob = Aligned::copy(&fs::read(blobs::path(committed.file))?);
        let model = Model::parse(&blob)?;
        let plan = Plan::largest(model.shape(), room as usize, TILE, 1).expect("room for a text");
        let (tokens, planned) = (plan.tokens, plan.bytes());
        assert!(tokens >= 16, "{}: {tokens} tokens", committed.file);
        let options = Options {
            limit: Some(tokens as u32),
            tokens: true,
        };
        let mut scratch = Aligned::filled(planned, 0);
        let mut engine = Engine::new(&model, &mut scratch)?;
        let mut session = Session::start(&image, &blobs::path(committed.file), TIMEOUT)?;
        for text in TEXTS {
            let answer = answer::run(&mut session, text, options)?;
            let report = Report::read(&mut engine, text, true)?;
            assert_eq!(json(&answer.report), json(&report), "{}", committed.file);
            let cost = answer.cost;
            println!(
                "{}, {} tokens: scratch {} of {}, stack {} bytes",
                committed.file,
                report.tokens,
                cost.scratch_used_bytes,
                cost.scratch_bytes,
                cost.stack_bytes
            );
            assert_eq!(cost.scratch_bytes as usize, planned);
            assert!(cost.scratch_used_bytes as usize <= planned);
        }
    }
    Ok(())
}

fn json(report: &Report) -> String {
    let mut line = Vec::new();
    write_json(report, &mut line).expect("memory takes it");
    String::from_utf8(line).expect("JSON is UTF-8")
}
