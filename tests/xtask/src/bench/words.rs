//! What cutting a text into word pieces takes, with a vocabulary of real size.

use std::fs;

use anyhow::{Context, Result};
use embert::Model;
use embert_tests::tiny::{self, Tiny};
use embert_tools::blob::AlignedBytes;
use embert_wire::Request;

use super::models;
use super::{Row, TIMEOUT};
use crate::image::Image;
use crate::session::Session;
use crate::toolchain::workspace_root;

/// The blob whose vocabulary is taken.
const SHIPPED: &str = "weights/pii-en.embert";

/// Usual words and rare ones, names, numbers and marks.
const TEXT: &str = "\
    The clinic moved to 42 Oak Street in the spring of 2019, because the old building was too \
    small for its patients. \"We could not find an apartment nearby,\" said Dr. Maria Gonzalez, \
    who has worked there since graduation. Her colleague Thomas Weatherby-Jones, an \
    anaesthesiologist, commutes from Northumberland; he doesn't mind. Please send the \
    reimbursement forms to billing@example.com or call (555) 010-4477 before Thursday. Unfortunately \
    the electroencephalograph arrived damaged, and the supplier has refused to exchange it.";

/// As little model as can be behind a vocabulary.
const LEAST: Tiny = Tiny {
    name: "words",
    layers: 1,
    hidden: 2,
    heads: 1,
    intermediate: 2,
    positions: 3,
    ..tiny::TOKEN
};

/// A model that reads three tokens, but the whole of a text, to tell how many it has.
pub struct Words {
    model: models::Model,
    pieces: usize,
}

impl Words {
    /// Makes the blob, into the folder of built things.
    pub fn make() -> Result<Self> {
        let path = workspace_root().join(SHIPPED);
        let shipped = fs::read(&path).with_context(|| path.display().to_string())?;
        let shipped = AlignedBytes::copy(&shipped);
        let shipped = Model::parse(&shipped)?;
        let vocabulary = shipped.tokenizer().vocabulary();
        let pieces: Vec<String> = (0..vocabulary.len() as u32)
            .filter_map(|id| vocabulary.piece(id))
            .map(|piece| piece.to_string())
            .collect();
        let tiny = Tiny {
            vocabulary: pieces.len(),
            ..LEAST
        };
        let model = models::make(&tiny, &[], |folder| {
            fs::write(folder.join("vocab.txt"), pieces.join("\n") + "\n")
        })?;
        Ok(Self {
            model,
            pieces: pieces.len(),
        })
    }

    /// Instructions for the words of the text, without what a text of none takes.
    pub fn measure(&self, image: &Image, target: &str, set: &str) -> Result<Row> {
        let mut session = Session::start(image, &self.model.path, TIMEOUT)?;
        let mut count = |text| -> Result<u64> {
            let request = Request::Run {
                question: None,
                text,
                limit: None,
                tokens: false,
                set: Some(set),
                parts: false,
            };
            Ok(session.ask(&request, |_| {})?.instructions)
        };
        let (none, all) = (count("")?, count(TEXT)?);
        Ok(Row {
            target: target.into(),
            what: "Tokenize".into(),
            shape: format!("{} pieces", self.pieces),
            instructions: Some(all.saturating_sub(none)),
            macs: TEXT.split_whitespace().count() as u64,
            ms: None,
        })
    }
}
