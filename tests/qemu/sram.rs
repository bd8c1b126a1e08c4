//! The SRAM that a text takes on a microcontroller: scratch as planned, and the stack as measured.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use embert::{HeadKind, Shape, scratch_bytes};
use embert_tests::sram::{HEADS, LIMITS};
use embert_tests::synthetic::{self, Wildness};
use xtask::answer::{self, Options};
use xtask::bench::Models;
use xtask::image::Image;
use xtask::machine::Machine;
use xtask::session::Session;

const TIMEOUT: Duration = Duration::from_secs(600);

/// Bytes of stack under any supported compiler: a limit with room. The compilers of the record have
/// taken 5,376 on the M4, 5,664 on the M0, and 5,680 for int4.
const STACK_LIMIT: usize = 8192;

/// The smallest of the int8 models on a Cortex-M4.
#[test]
fn int8_on_a_cortex_m4() -> Result<()> {
    let image = Image::build(Machine::Mps2An386)?;
    for head in HEADS {
        let shape = LIMITS[0].shape(head);
        let file = tempfile::NamedTempFile::new()?;
        fs::write(
            file.path(),
            &synthetic::blob(&shape, 0, 0, 1, Wildness::Tame).blob[..],
        )?;
        check(&image, &shape, file.path(), "aa ab ac cv ")?;
    }
    Ok(())
}

/// int4 on the same, and on a Cortex-M55, which takes more of the stack.
#[test]
fn int4_on_a_cortex_m4_and_m55() -> Result<()> {
    let models = Models::make()?;
    let int4 = models.all().iter().find(|model| model.shape.has_int4);
    let int4 = int4.context("a model in int4")?;
    for machine in [Machine::Mps2An386, Machine::Mps3An547] {
        check(
            &Image::build(machine)?,
            &int4.shape,
            &int4.path,
            &models.text,
        )?;
    }
    Ok(())
}

/// Texts of `words` use the scratch that is planned, and no more stack than the limit.
fn check(image: &Image, shape: &Shape, blob: &Path, words: &str) -> Result<()> {
    let mut session = Session::start(image, blob, TIMEOUT)?;
    for tokens in LIMITS[..2].iter().map(|limit| limit.tokens) {
        let options = Options {
            limit: Some(tokens as u32),
            tokens: false,
        };
        // Longer than the limit: the text is truncated, or read in several windows.
        let text = words.repeat((8 * tokens).div_ceil(words.len()));
        let answer = answer::run(&mut session, &text, options)?;
        match shape.head {
            HeadKind::TokenClassification => assert!(answer.report.tokens > tokens),
            _ => assert_eq!(answer.report.tokens, tokens),
        }
        let (cost, planned) = (answer.cost, scratch_bytes(shape, tokens));
        assert_eq!(cost.scratch_bytes as usize, planned);
        assert_eq!(cost.scratch_used_bytes as usize, planned);
        assert!(
            cost.stack_bytes as usize <= STACK_LIMIT,
            "{:?}, {tokens} tokens: {cost:?}",
            shape.head
        );
    }
    Ok(())
}
