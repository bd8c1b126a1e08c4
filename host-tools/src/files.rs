//! Output files that appear whole or not at all.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Writes a file under a unique temporary name beside it and renames it. A process that has the old
/// file mapped keeps it, and an interrupted run or a full disk leaves no half of the new one.
///
/// A symbolic link is followed: its target is replaced. A device, a pipe or a socket is written to.
/// A replaced file keeps its permissions and, where the system allows it, its owner.
///
/// # Errors
/// When the disk is full, or the folder not writable: the old file is still there.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// [`write()`] for contents that are produced while they are written.
///
/// # Errors
/// As [`write()`]'s, and those of `write`.
pub fn write_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // A link to a pipe, as `>(command)` is, has no path of its own: it is opened by this name.
    let target = fs::canonicalize(path).or_else(|_| link_target(path))?;
    let old = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            return write(&mut File::options().write(true).open(path)?);
        }
        Ok(metadata) => Some(metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = temporary(folder)?;
    write(file.as_file_mut())?;
    if let Some(old) = old {
        keep(&old, file.as_file())?;
    }
    file.as_file().sync_all()?;
    file.persist(&target)?;
    sync(folder);
    Ok(())
}

/// The file that a path names, through symbolic links whose last target need not exist yet.
fn link_target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many links as Linux follows.
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("")).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// A file that is removed unless it is renamed; with the permissions that a new file gets.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".embert-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Gives a new file the permissions and, if that is allowed, the owner of the old one.
fn keep(old: &Metadata, new: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Only root may give files away; the permissions are set after it, since it clears set-id bits.
        let _ = fchown(new, Some(old.uid()), Some(old.gid()));
    }
    new.set_permissions(Permissions::clone(&old.permissions()))
}

/// Makes the new name durable, where folders can be synced.
fn sync(folder: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// Whether writing `output` would replace `input` or, if that is a checkpoint folder, a file in it.
/// Blobs in such a folder are outputs.
pub fn overwrites(output: &Path, input: &Path) -> bool {
    match (fs::canonicalize(output), fs::canonicalize(input)) {
        (Ok(output), Ok(input)) if input.is_dir() => {
            let is_blob = output.extension().is_some_and(|name| name == "embert");
            output == input || output.is_file() && output.parent() == Some(&input) && !is_blob
        }
        (Ok(output), Ok(input)) => output == input,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.txt");
        write(&path, b"old")?;
        let failed = write_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path)?, b"old");
        write(&path, b"new")?;
        assert_eq!(fs::read(&path)?, b"new");
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[test]
    fn a_file_named_new_is_not_touched() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (path, other) = (folder.path().join("a"), folder.path().join("a.new"));
        fs::write(&other, "the user's")?;
        write(&path, b"ours")?;
        assert_eq!(fs::read(&other)?, b"the user's");
        Ok(())
    }

    #[test]
    fn parallel_writes_leave_one_whole_file() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = &folder.path().join("a");
        std::thread::scope(|scope| {
            for byte in 0..8u8 {
                scope.spawn(move || write(path, &vec![byte; 1 << 16]).unwrap());
            }
        });
        let bytes = fs::read(path)?;
        assert_eq!(bytes.len(), 1 << 16);
        assert!(bytes.iter().all(|&byte| byte == bytes[0]));
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_are_kept_and_devices_written_to() -> io::Result<()> {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir()?;
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        symlink("target", &link)?;
        write(&link, b"through a link to nothing yet")?;
        fs::set_permissions(&target, Permissions::from_mode(0o640))?;
        write(&link, b"new")?;
        assert!(fs::symlink_metadata(&link)?.is_symlink());
        assert_eq!(fs::read(&target)?, b"new");
        assert_eq!(fs::metadata(&target)?.permissions().mode() & 0o777, 0o640);
        write(Path::new("/dev/null"), b"gone")?;
        assert!(!fs::metadata("/dev/null")?.is_file());
        assert!(write(folder.path(), b"no file").is_err());
        Ok(())
    }

    #[test]
    fn inputs_are_recognized() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&a, "")?;
        assert!(overwrites(&folder.path().join("./a"), &a));
        assert!(overwrites(&a, folder.path()));
        assert!(!overwrites(&b, &a), "it does not exist yet");
        assert!(!overwrites(&b, folder.path()));
        assert!(overwrites(&folder.path().join("."), folder.path()));
        let blob = folder.path().join("model.embert");
        fs::write(&blob, "")?;
        assert!(!overwrites(&blob, folder.path()));
        Ok(())
    }
}
