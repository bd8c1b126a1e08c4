//! The command as its users run it: the binary, its output and its exit codes.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use embert_tests::tiny::{Flavour, Tiny};

pub fn embert(arguments: &[&str], stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_embert"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A process that fails before it reads leaves a broken pipe: its output is what counts.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    child.wait_with_output().unwrap()
}

#[track_caller]
pub fn succeed(arguments: &[&str], stdin: &[u8]) -> String {
    let output = embert(arguments, stdin);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
pub fn fail(arguments: &[&str], stdin: &[u8], words: &[&str]) {
    let output = embert(arguments, stdin);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(stderr.starts_with("error: "), "{stderr:?}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in {stderr:?}");
    }
}

/// A folder with a tiny checkpoint in `checkpoint` and its blob in `model.embert`.
pub struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    pub fn new(tiny: &Tiny) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workplace = Self { folder };
        fs::create_dir(workplace.path("checkpoint")).unwrap();
        tiny.write(&workplace.path("checkpoint"), Flavour::usual(tiny))
            .unwrap();
        succeed(
            &[
                "quantize",
                &workplace.checkpoint(),
                "-o",
                &workplace.model(),
            ],
            b"",
        );
        workplace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().into()
    }

    pub fn checkpoint(&self) -> String {
        self.text("checkpoint")
    }

    pub fn model(&self) -> String {
        self.text("model.embert")
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// Runs the command; its output, or what it complains of.
#[cfg(feature = "train")]
pub fn attempt(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_embert"))
        .args(arguments)
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
