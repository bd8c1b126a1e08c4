//! What cutting a text into word pieces takes, with a vocabulary of real size.

use std::fs;

use anyhow::Result;
use embert_protocol::Request;
use embert_tests::tiny::{self, Tiny};

use super::models;
use super::{Row, TIMEOUT};
use crate::image::Image;
use crate::session::Session;

/// The pieces of rampart-MiniLM-L6-pii-ner (CC BY 4.0, see `weights/NOTICE`), one a line, in the order of
/// that checkpoint: the most frequent are found first.
const PIECES: &str = include_str!("vocabulary.txt");

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
    ..tiny::SEQUENCE
};

/// A model that reads three tokens, but the whole of a text, to tell how many it has.
pub struct Words {
    model: models::Model,
    pieces: usize,
}

impl Words {
    /// Makes the blob, into the folder of built things.
    pub fn make() -> Result<Self> {
        let pieces = PIECES.lines().count();
        let tiny = Tiny {
            vocabulary: pieces,
            ..LEAST
        };
        let model = models::make(&tiny, &[], |folder| {
            fs::write(folder.join("vocab.txt"), PIECES)
        })?;
        Ok(Self { model, pieces })
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
