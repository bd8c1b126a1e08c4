//! The blob a verb works on: a file, or the one shipped in `weights/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use embert::Model;
use embert_tools::mapped::MappedFile;

/// The model shipped with embert: understands commands, see `weights/README.md`.
static SHIPPED: &Aligned<[u8]> =
    &Aligned(*include_bytes!("../../../weights/commands-en/model.embert"));

/// Bytes at the alignment of blobs.
#[repr(C, align(16))]
struct Aligned<T: ?Sized>(T);

/// The bytes of a blob and how to call it in messages.
pub struct Blob {
    path: Option<PathBuf>,
    file: Option<MappedFile>,
}

impl Blob {
    /// Maps a file into memory; without a path, takes the model shipped.
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

    /// The model in the blob, its checksum not yet looked at.
    pub fn parse(&self) -> Result<Model<'_>> {
        let bytes = self.file.as_deref().unwrap_or(&SHIPPED.0);
        Model::parse(bytes).with_context(|| {
            let name = self.name();
            format!("{name} cannot be used; `embert quantize` makes blobs from checkpoints")
        })
    }

    /// The model in the blob, which is as it was written.
    pub fn verified(&self) -> Result<Model<'_>> {
        let model = self.parse()?;
        let (bytes, checksum) = model.checksummed();
        ensure!(
            crc32fast::hash(bytes) == checksum,
            "the checksum is wrong: {} was damaged after it was made",
            self.name()
        );
        Ok(model)
    }
}
