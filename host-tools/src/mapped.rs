//! Files mapped into memory: a blob of tens of megabytes is ready at once, and only the pages that
//! are read cost memory.

use std::{fs::File, io, ops::Deref, path::Path};

/// A file's bytes, read-only; starts on a page boundary, so any alignment a blob asks for holds.
#[derive(Debug)]
pub struct MappedFile(memmap2::Mmap);

impl MappedFile {
    /// # Errors
    /// Those of opening and mapping the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::of(&File::open(path)?)
    }

    /// Maps an open file, one without a name for example.
    ///
    /// # Errors
    /// Those of mapping the file.
    #[allow(unsafe_code)]
    pub fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the map is private to this type and never written through. What remains is that
        // another process may change the file meanwhile: the bytes are only ever read as plain
        // integers and floats, for which any value is valid, and a file that shrinks ends the
        // process by SIGBUS. This tool itself only replaces files by renaming, which leaves
        // existing maps intact.
        unsafe { memmap2::Mmap::map(file) }.map(Self)
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
