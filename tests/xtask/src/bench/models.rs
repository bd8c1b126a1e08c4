//! Models to measure whole texts with: random weights in the shapes that matter.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, Result};
use embert::{Header, Shape};
use embert_cli::checkpoint::Checkpoint;
use embert_cli::quantize::{Options, quantize};
use embert_tests::tiny::{self, Flavour, Tiny};

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

const ALL: [Tiny; 2] = [
    Tiny {
        name: "L2H128 tokens",
        ..L2H128
    },
    Tiny {
        name: "L2H128 sequence",
        architecture: "BertForSequenceClassification",
        pooler: true,
        ..L2H128
    },
];

impl Models {
    /// Makes the blobs, into the folder of built things.
    pub fn make() -> Result<Self> {
        let models: Result<Vec<Model>> = ALL.iter().map(|tiny| make(tiny, |_| Ok(()))).collect();
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

/// Makes the blob of a checkpoint that `change` has put its hand to, into the folder of built
/// things.
pub fn make(tiny: &Tiny, change: impl FnOnce(&Path) -> io::Result<()>) -> Result<Model> {
    let folder = workspace_root().join("target/bench");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let checkpoint = tempfile::tempdir()?;
    tiny.write(checkpoint.path(), Flavour::usual(tiny))?;
    change(checkpoint.path())?;
    let checkpoint = Checkpoint::open(checkpoint.path(), None)?;
    let blob = quantize(&checkpoint, &Options::default(), |_| {})?;
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
