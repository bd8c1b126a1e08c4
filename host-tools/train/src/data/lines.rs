//! Files as lines of text.

use std::{fs, path::Path, sync::Arc};

use super::{DataError, SourceLine, some};

/// The lines of a file that are not blank, a text each.
///
/// # Errors
/// When the file cannot be read, is not UTF-8, or has no such line.
pub fn texts(path: &Path) -> Result<Vec<String>, DataError> {
    let lines = lines(path)?.into_iter().map(|(_, line)| line);
    some(lines.filter(|line| !line.trim().is_empty()).collect(), path)
}

/// All lines of a file, without what ends them.
pub(super) fn lines(path: &Path) -> Result<Vec<(SourceLine, String)>, DataError> {
    let mut bytes = bytes(path)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let path: Arc<Path> = path.into();
    let lines = (1..).zip(bytes.split(|&byte| byte == b'\n'));
    lines
        .map(|(line, bytes)| {
            let path = Arc::clone(&path);
            let at = SourceLine { path, line };
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let text = text(bytes, &at)?.to_owned();
            Ok((at, text))
        })
        .collect()
}

/// What a file holds, without a byte order mark.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut bytes = fs::read(path).map_err(|source| DataError::Io {
        path: path.into(),
        source,
    })?;
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..3);
    }
    Ok(bytes)
}

pub(super) fn text<'a>(bytes: &'a [u8], at: &SourceLine) -> Result<&'a str, DataError> {
    str::from_utf8(bytes).map_err(|_| DataError::NotUtf8 { at: at.clone() })
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    /// A file in a folder that is gone after the test.
    pub fn file(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    /// The error's text without the folder, which is another every time.
    pub fn message<T>(result: Result<T, DataError>, folder: &TempDir) -> String {
        let error = result.err().expect("an error").to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn lines_end_in_any_way_and_blank_ones_are_no_texts() {
        let (_folder, path) = file("a.txt", "\u{feff}one\r\n\n \t\ntwo");
        assert_eq!(texts(&path).unwrap(), ["one", "two"]);
        let places: Vec<usize> = lines(&path)
            .unwrap()
            .iter()
            .map(|(at, _)| at.line)
            .collect();
        assert_eq!(places, [1, 2, 3, 4]);
    }

    #[test]
    fn what_is_no_text_is_an_error_that_says_where() {
        let (folder, path) = file("a.txt", b"one\n\xff\n");
        let expected = "a.txt, line 2 is not UTF-8; convert the file with iconv";
        assert_eq!(message(texts(&path), &folder), expected);
        let (folder, path) = file("a.txt", "\n \n");
        let expected = "a.txt holds no examples; give a file that has some";
        assert_eq!(message(texts(&path), &folder), expected);
        let missing = message(texts(&folder.path().join("b.txt")), &folder);
        assert_eq!(missing, "cannot read b.txt");
    }
}
