//! Models to measure whole texts with: random weights in the shapes that matter.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};
use embert::text::Token;
use embert::{Header, Shape};
use embert_tests::tiny::{self, Flavour, Tiny};
use embert_tools::checkpoint::Checkpoint;
use embert_tools::quantize::{Options, Part, quantize};

use super::words::Words;
use crate::toolchain::workspace_root;

/// A blob to measure with.
pub struct Model {
    pub name: &'static str,
    pub path: PathBuf,
    pub shape: Shape,
    /// Lengths of text to measure.
    pub tokens: &'static [u32],
}

/// All of them, and a text longer than any of their limits.
pub struct Models {
    models: Vec<Model>,
    pub words: Words,
    pub text: String,
}

/// The shape of BERT-tiny, L2 H128 A2.
const L2H128: Tiny = Tiny {
    name: "l2h128",
    architecture: "BertForTokenClassification",
    layers: 2,
    hidden: 128,
    heads: 2,
    intermediate: 512,
    positions: 512,
    segments: 2,
    ..tiny::TOKEN
};

/// Each with what is int4 of it.
const ALL: [(Tiny, &[Part]); 3] = [
    (
        Tiny {
            name: "L2H128 tokens",
            ..L2H128
        },
        &[],
    ),
    (
        Tiny {
            name: "L2H128 sequence",
            architecture: "BertForSequenceClassification",
            pooler: true,
            ..L2H128
        },
        &[],
    ),
    (
        Tiny {
            name: "L2H128 int4",
            ..L2H128
        },
        &Part::ALL,
    ),
];

impl Models {
    /// Makes the blobs, into the folder of built things.
    pub fn make() -> Result<Self> {
        let models: Result<Vec<Model>> = ALL
            .iter()
            .map(|(tiny, int4)| make(tiny, int4, |_| Ok(())))
            .collect();
        Ok(Models {
            models: models?,
            words: Words::make()?,
            text: "the king sings a song of the end, ".repeat(12),
        })
    }

    pub fn all(&self) -> &[Model] {
        &self.models
    }

    /// A blob for sessions in which no text is read.
    pub fn any(&self) -> &Path {
        &self.models[0].path
    }
}

/// What of a text a model reads in one window of so many tokens.
///
/// # Panics
/// When there is no room for a token.
pub fn cut(model: &embert::Model<'_>, text: &str, tokens: usize) -> String {
    let mut room = vec![Token::default(); tokens];
    let encoding = model.tokenizer().encode(text, &mut room).expect("room");
    let end = encoding
        .truncated
        .map_or(text.len(), |cut| cut.covered_a as usize);
    text[..end].to_owned()
}

/// Makes the blob, `int4` of it, of a checkpoint that `change` has put its hand to, into the folder of built
/// things.
pub fn make(
    tiny: &Tiny,
    int4: &[Part],
    change: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<Model> {
    let folder = workspace_root().join("target/bench");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let checkpoint = tempfile::tempdir()?;
    tiny.write(checkpoint.path(), Flavour::usual(tiny))?;
    change(checkpoint.path())?;
    let checkpoint = Checkpoint::open(checkpoint.path(), None)?;
    let options = Options {
        int4: int4.to_vec(),
        ..Options::default()
    };
    let blob = quantize(&checkpoint, &options, |_| {})?;
    let path = folder
        .join(tiny.name.replace(' ', "-"))
        .with_extension("embert");
    fs::write(&path, &blob).with_context(|| path.display().to_string())?;
    let header = Header::read(&blob)?;
    Ok(Model {
        name: tiny.name,
        path,
        shape: header.shape,
        tokens: &[128],
    })
}
