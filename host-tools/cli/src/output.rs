//! Files that appear whole or not at all.

use std::{fs, io::Write, path::Path};

use anyhow::{Context, Result};
use indicatif::HumanCount;

/// Writes a file under a temporary name beside it and renames it: whoever has the old one mapped
/// keeps it, and an interrupted run leaves no half of the new one.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: temporary ones are private otherwise.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let written = builder.tempfile_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a blob, and beside it the pieces that are left of a pruned vocabulary; says so.
pub fn write_blob(path: &Path, blob: &[u8], vocab_txt: Option<&str>) -> Result<()> {
    write(path, blob)?;
    let bytes = HumanCount(blob.len() as u64);
    eprintln!("wrote {}, {bytes} bytes", path.display());
    if let Some(text) = vocab_txt {
        let path = path.with_extension("vocab.txt");
        write(&path, text.as_bytes())?;
        eprintln!("wrote {}, the pieces left", path.display());
    }
    Ok(())
}
