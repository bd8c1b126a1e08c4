//! What goes wrong is explained.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use embert_tests::tiny::{self};

use crate::command::{Workplace, fail, succeed};

#[test]
fn mistakes_are_explained() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let model = workplace.model();
    fail(
        &["run", &workplace.checkpoint(), "hello"],
        b"",
        &["is a folder", "embert quantize"],
    );
    fail(
        &["run", "absent.embert", "hello"],
        b"",
        &["cannot open absent.embert"],
    );
    fail(&["run", &model, "hello", "--file", "x"], b"", &["not both"]);
    fail(
        &["run", &model, "--strict"],
        b"fine\n\xff\n",
        &["line 2 of stdin", "UTF-8"],
    );
    fail(
        &["run", &model, "hello", "--limit", "2"],
        b"",
        &["--limit is too small"],
    );
    fail(
        &["run", &model, "hello", "--kernels", "abacus"],
        b"",
        &["--kernels", "abacus", "scalar"],
    );
    fail(
        &["validate", &workplace.checkpoint(), &model, "--texts", "-"],
        b"\n",
        &["no texts"],
    );
    let other = workplace.text("other.embert");
    fail(
        &[
            "quantize",
            &workplace.checkpoint(),
            "--calibration",
            &model,
            "-o",
            &other,
        ],
        b"",
        &["line 2 of", "UTF-8"],
    );
    let config = workplace.text("checkpoint/config.json");
    fail(
        &["quantize", &workplace.checkpoint(), "-o", &config],
        b"",
        &["would overwrite the input", "choose another output"],
    );
    fail(
        &[
            "quantize",
            &workplace.checkpoint(),
            "--calibration",
            &model,
            "-o",
            &model,
        ],
        b"",
        &["would overwrite the input"],
    );
    let help = succeed(&["run", "--help"], b"");
    assert!(help.contains("Examples:"), "{help}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let mut child = Command::new(env!("CARGO_BIN_EXE_embert"))
        .args(["run", &workplace.model(), "--file", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let _ = child.stdin.take().unwrap().write_all(b"hello\nthere\n");
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
