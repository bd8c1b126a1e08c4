//! Reading files, and splitting bytes into lines and words.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::{Context, Result};

/// All files as one text, joined as `cat` joins them, or stdin when there are none.
///
/// The last line of a file without a line feed at its end continues in the next file. The shipped
/// models were trained on text that was joined this way.
///
/// # Errors
/// When a file cannot be read; the error names it.
pub fn read_joined(files: &[PathBuf]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    if files.is_empty() {
        io::stdin()
            .lock()
            .read_to_end(&mut text)
            .context("cannot read stdin")?;
    }
    for file in files {
        File::open(file)
            .and_then(|mut file| file.read_to_end(&mut text))
            .with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(text)
}

/// Each file as a text of its own, or stdin when there are none.
///
/// # Errors
/// When a file cannot be read; the error names it.
pub fn read_each(files: &[PathBuf]) -> Result<Vec<Vec<u8>>> {
    if files.is_empty() {
        return Ok(vec![read_joined(files)?]);
    }
    files
        .iter()
        .map(|file| fs::read(file).with_context(|| format!("cannot read {}", file.display())))
        .collect()
}

/// The lines of a text, without their line feeds.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = text.len() - usize::from(text.ends_with(b"\n"));
    let count = if text.is_empty() { 0 } else { usize::MAX };
    text[..end].split(|&byte| byte == b'\n').take(count)
}

/// The words of a line.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| b" \t\n".contains(byte))
        .filter(|word| !word.is_empty())
}

/// Appends a line and its line feed.
pub fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(line);
    out.push(b'\n');
}

/// Removes bytes that are not UTF-8, and carriage returns.
#[must_use]
pub fn clean(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.extend(chunk.valid().bytes().filter(|&byte| byte != b'\r'));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_need_no_line_feed_at_the_end() {
        assert_eq!(lines(b"").count(), 0);
        assert_eq!(lines(b"\n").collect::<Vec<_>>(), [b""]);
        assert_eq!(lines(b"a\n\nb").collect::<Vec<_>>(), [&b"a"[..], b"", b"b"]);
        assert_eq!(
            lines(b"a\n\nb\n").collect::<Vec<_>>(),
            [&b"a"[..], b"", b"b"]
        );
    }

    #[test]
    fn words_end_at_spaces_and_tabs_only() {
        let found: Vec<_> = words(b" a\tb\rc  d\x0be ").collect();
        assert_eq!(found, [&b"a"[..], b"b\rc", b"d\x0be"]);
    }

    #[test]
    fn clean_drops_invalid_bytes_and_carriage_returns() {
        let text =
            b"caf\xc3\xa9\r\n\x93quoted\x94 \xe2\x80 cut \xed\xa0\x80 surrogate \xc0\x80 \xe2\x82";
        assert_eq!(
            clean(text),
            "caf\u{e9}\nquoted  cut  surrogate  ".as_bytes()
        );
    }

    #[test]
    fn joined_files_share_a_line() {
        let folder = std::env::temp_dir().join(format!("embert-prepare-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let files = [folder.join("1"), folder.join("2")];
        fs::write(&files[0], "a\nb").unwrap();
        fs::write(&files[1], "c\n").unwrap();
        assert_eq!(read_joined(&files).unwrap(), b"a\nbc\n");
        assert_eq!(read_each(&files).unwrap(), [&b"a\nb"[..], b"c\n"]);
        let error = read_joined(&[folder.join("absent")]).unwrap_err();
        assert!(error.to_string().ends_with("absent"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
