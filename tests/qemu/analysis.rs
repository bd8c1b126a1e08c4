//! `embert analyze` predicts what QEMU counts, within limits that hold for any compiler. Predictions
//! for the compiler on record: `cargo xtask bench --check`.

use std::fs;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use embert::{HeadKind, Model, Pooling, Shape};
use embert_tests::synthetic::{self, Wildness};
use embert_tools::analyze::Analysis;
use embert_tools::analyze::boards;
use embert_tools::blob::AlignedBytes;
use xtask::answer::{self, Options};
use xtask::bench::{Models, cut};
use xtask::image::Image;
use xtask::machine::Machine;
use xtask::session::Session;

const TIMEOUT: Duration = Duration::from_secs(600);

/// Predicted over counted instructions: the record's compiler gives 0.93 to 1.07, others make code
/// that is faster or slower.
const RATIO: Range<f64> = 0.75..1.33;

/// Bytes of stack that another compiler may take beyond the largest measured.
const STACK_ROOM: usize = 2048;

/// Not the shape that the costs were fitted to.
const SHAPE: Shape = Shape {
    layers: 3,
    hidden: 192,
    heads: 6,
    intermediate: 576,
    vocabulary: 100,
    rank: 0,
    token_labels: 0,
    iob2: false,
    positions: 128,
    segments: 2,
    // No channel is padding, so that multiply-accumulates are those of the formula.
    labels: 16,
    head: HeadKind::TokenClassification,
    pooling: Pooling::Cls,
    has_int4: false,
    has_pooler: false,
};

#[test]
fn instructions_and_memory_of_another_shape() -> Result<()> {
    let synthetic = synthetic::blob(&SHAPE, 0, 0, 1, Wildness::Tame);
    let model = Model::parse(&synthetic.blob)?;
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), &synthetic.blob[..])?;
    let tokens = 48;
    for (machine, board) in [
        (Machine::Mps2An386, "nrf52840"),
        (Machine::Mps3An547, "ensemble-e7"),
    ] {
        let board = boards::find(board)?;
        let analysis = Analysis::new(&model, board, tokens)?;
        let image = Image::build(machine)?;
        let mut session = Session::start(&image, file.path(), TIMEOUT)?;
        let options = Options {
            limit: Some(tokens as u32),
            tokens: false,
        };
        let text = cut(&model, &"aa ab ac cv ".repeat(20), tokens);
        let cost = answer::run(&mut session, &text, options)?.cost;
        let ratio = analysis.text.instructions as f64 / cost.instructions as f64;
        assert!(RATIO.contains(&ratio), "{}: {ratio}", board.name);
        assert_eq!(analysis.sram.scratch, cost.scratch_used_bytes as usize);
        assert!(
            cost.stack_bytes as usize <= analysis.sram.stack + STACK_ROOM,
            "{cost:?}"
        );
    }
    Ok(())
}

/// The prediction includes the repeated expansion of int4 weights.
#[test]
fn instructions_of_int4() -> Result<()> {
    let models = Models::make()?;
    let int4 = models.all().iter().find(|model| model.shape.has_int4);
    let int4 = int4.context("a model in int4")?;
    let blob = AlignedBytes::copy(&fs::read(&int4.path)?);
    let model = Model::parse(&blob)?;
    for (machine, board) in [
        (Machine::Mps2An386, "nrf52840"),
        (Machine::Mps3An547, "ensemble-e7"),
    ] {
        let board = boards::find(board)?;
        let image = Image::build(machine)?;
        let mut session = Session::start(&image, &int4.path, TIMEOUT)?;
        for tokens in [128, 40] {
            let options = Options {
                limit: Some(tokens),
                tokens: false,
            };
            let text = cut(&model, &models.text, tokens as usize);
            let cost = answer::run(&mut session, &text, options)?.cost;
            let analysis = Analysis::new(&model, board, tokens as usize)?;
            let ratio = analysis.text.instructions as f64 / cost.instructions as f64;
            assert!(
                RATIO.contains(&ratio),
                "{}, {tokens} tokens: {ratio}",
                board.name
            );
            assert_eq!(analysis.sram.scratch, cost.scratch_used_bytes as usize);
            assert!(
                cost.stack_bytes as usize <= analysis.sram.stack + STACK_ROOM,
                "{cost:?}"
            );
        }
    }
    Ok(())
}
