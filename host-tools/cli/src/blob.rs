//! The blob of a verb: a file, or the built-in one from `weights/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use embert::Model;
use embert_tools::mapped::MappedFile;

/// The built-in model, see `weights/README.md`.
static SHIPPED: &Aligned<[u8]> =
    &Aligned(*include_bytes!("../../../weights/commands-en/model.embert"));

/// Bytes at the alignment of blobs.
#[repr(C, align(16))]
struct Aligned<T: ?Sized>(T);

/// The bytes of a blob, and its name for messages.
pub struct Blob {
    path: Option<PathBuf>,
    file: Option<MappedFile>,
}

impl Blob {
    /// Maps a file into memory; without a path, uses the built-in model.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let file = match path {
            Some(path) if path.is_dir() => bail!(
                "{0} is a folder: make a blob of the checkpoint in it first, with `embert quantize {0} -o model.embert`",
                path.display()
            ),
            Some(path) => {
                let file = MappedFile::open(path);
                Some(file.with_context(|| format!("cannot open {}", path.display()))?)
            }
            None => None,
        };
        Ok(Self {
            path: path.map(Path::to_owned),
            file,
        })
    }

    pub fn name(&self) -> String {
        match &self.path {
            Some(path) => path.display().to_string(),
            None => "the model shipped with embert".into(),
        }
    }

    /// Parses the blob without checking its checksum.
    pub fn parse(&self) -> Result<Model<'_>> {
        let bytes = self.file.as_deref().unwrap_or(&SHIPPED.0);
        Model::parse(bytes).with_context(|| {
            let name = self.name();
            format!("{name} cannot be used; `embert quantize` makes blobs from checkpoints")
        })
    }

    /// Parses the blob and checks its checksum.
    pub fn verified(&self) -> Result<Model<'_>> {
        let model = self.parse()?;
        let (bytes, checksum) = model.checksummed();
        ensure!(
            crc32fast::hash(bytes) == checksum,
            "the checksum is wrong: {} was damaged after it was written",
            self.name()
        );
        Ok(model)
    }
}
