//! What a text may take of a microcontroller's SRAM, scratch and stack together.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use embert::{HeadKind, Pooling, Shape, scratch_bytes};
use embert_tests::synthetic::{self, Wildness};
use xtask::answer::{self, Options};
use xtask::bench::Models;
use xtask::image::Image;
use xtask::machine::Machine;
use xtask::session::Session;

const TIMEOUT: Duration = Duration::from_secs(600);

/// What the plans leave to the stack, bytes. Of all machines and shapes below, the M4 has taken
/// most: 5,376, and 5,680 of int4; but for the M0, which has taken 5,664 of int8.
const STACK: usize = 5888;

/// Layers, hidden size, heads and tokens, and the limits of int8 and int4 in KB of 1024 bytes.
const LIMITS: [(usize, usize, usize, usize, [usize; 2]); 4] = [
    (2, 128, 2, 128, [66, 72]),
    (2, 128, 2, 512, [240, 240]),
    (4, 256, 4, 512, [400, 402]),
    (6, 384, 12, 128, [168, 173]),
];

const HEADS: [HeadKind; 2] = [
    HeadKind::SequenceClassification,
    HeadKind::TokenClassification,
];

fn shape(layers: usize, hidden: usize, heads: usize, head: HeadKind) -> Shape {
    Shape {
        layers,
        hidden,
        heads,
        intermediate: 4 * hidden,
        vocabulary: 100,
        rank: 0,
        token_labels: 0,
        iob2: false,
        positions: 512,
        segments: 2,
        labels: 9,
        head,
        pooling: Pooling::Cls,
        has_int4: false,
        has_pooler: head == HeadKind::SequenceClassification,
    }
}

#[test]
fn plans_keep_to_the_limits() {
    for head in HEADS {
        for (layers, hidden, heads, tokens, limits) in LIMITS {
            for (has_int4, limit) in [false, true].into_iter().zip(limits) {
                let shape = Shape {
                    has_int4,
                    ..shape(layers, hidden, heads, head)
                };
                let scratch = scratch_bytes(&shape, tokens);
                assert!(
                    scratch + STACK <= limit * 1024,
                    "L{layers} H{hidden}, {tokens} tokens, int4 {has_int4}: {scratch} bytes"
                );
            }
        }
    }
}

/// The smallest of the models in int8 on a Cortex-M4.
#[test]
fn a_cortex_m4_keeps_to_them() -> Result<()> {
    let image = Image::build(Machine::Mps2An386)?;
    for head in HEADS {
        let shape = shape(2, 128, 2, head);
        let file = tempfile::NamedTempFile::new()?;
        fs::write(
            file.path(),
            &synthetic::blob(&shape, 0, 0, 1, Wildness::Tame).blob[..],
        )?;
        keeps_to_them(&image, &shape, file.path(), "aa ab ac cv ")?;
    }
    Ok(())
}

/// The same in int4, and on a Cortex-M55, which takes more of the stack.
#[test]
fn int4_keeps_to_them() -> Result<()> {
    let models = Models::make()?;
    let int4 = models.all().iter().find(|model| model.shape.has_int4);
    let int4 = int4.context("a model in int4")?;
    for machine in [Machine::Mps2An386, Machine::Mps3An547] {
        keeps_to_them(
            &Image::build(machine)?,
            &int4.shape,
            &int4.path,
            &models.text,
        )?;
    }
    Ok(())
}

/// The plan is what is used, and the stack as measured, by a text of `words`, again and again.
fn keeps_to_them(image: &Image, shape: &Shape, blob: &Path, words: &str) -> Result<()> {
    let mut session = Session::start(image, blob, TIMEOUT)?;
    for (_, _, _, tokens, limits) in &LIMITS[..2] {
        let limit = limits[usize::from(shape.has_int4)];
        let options = Options {
            limit: Some(*tokens as u32),
            tokens: false,
        };
        // More than there is room for: it is cut off, or there is a window more.
        let text = words.repeat((8 * tokens).div_ceil(words.len()));
        let answer = answer::run(&mut session, &text, options)?;
        match shape.head {
            HeadKind::TokenClassification => assert!(answer.report.tokens > *tokens),
            _ => assert_eq!(answer.report.tokens, *tokens),
        }
        let (cost, planned) = (answer.cost, scratch_bytes(shape, *tokens));
        assert_eq!(cost.scratch_bytes as usize, planned);
        assert_eq!(cost.scratch_used_bytes as usize, planned);
        let stack = cost.stack_bytes as usize;
        assert!(
            stack <= STACK && planned + stack <= limit * 1024,
            "{:?}, {tokens} tokens: {cost:?}",
            shape.head
        );
    }
    Ok(())
}
