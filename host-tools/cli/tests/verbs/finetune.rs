//! `embert finetune` as its users meet it.

use std::{fs, path::Path};

use embert_tests::tiny::{self, Flavour};
use serde_json::Value;

use crate::command::attempt;

/// Texts of letters; `early` are those with an a, b or c.
fn table(path: &Path, from: usize, count: usize) {
    let mut text = "label\ttext\n".to_owned();
    for seed in from..from + count {
        let letter = |i: usize| char::from(b'a' + ((seed * 31 + i * i * 17 + i * 7) % 26) as u8);
        let letters: Vec<String> = (0..3 + seed % 9).map(|i| letter(i).to_string()).collect();
        let early = letters.iter().any(|letter| letter.as_str() < "d");
        let label = if early { "early" } else { "late" };
        text += &format!("{label}\t{}\n", letters.join(" "));
    }
    fs::write(path, text).unwrap();
}

#[test]
fn texts_to_a_folder_and_a_blob() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let base = path("base");
    fs::create_dir(&base).unwrap();
    let tiny = &tiny::SEQUENCE;
    tiny.write(Path::new(&base), Flavour::usual(tiny)).unwrap();
    fs::write(path("base/NOTICE"), "Thanks to Ada.").unwrap();
    table(Path::new(&path("train.tsv")), 0, 300);
    table(Path::new(&path("dev.tsv")), 1000, 100);
    let run = |train: &str, dev: &str, more: &[&str]| {
        let (train, dev, output) = (path(train), path(dev), path("mine"));
        let usual = [
            "finetune",
            &base,
            "--train",
            &train,
            "--dev",
            &dev,
            "-o",
            &output,
            "--epochs",
            "12",
            "--learning-rate",
            "3e-3",
            "--batch",
            "16",
        ];
        attempt(&[&usual[..], more].concat())
    };

    let report = run("train.tsv", "dev.tsv", &["--json", "--balanced"]).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let of = |which: &str| report["dev"][which]["accuracy"].as_f64().unwrap();
    assert!(of("float") > 0.85, "{report}");
    assert!((of("float") - of("blob")).abs() < 0.05, "{report}");
    for file in [
        "config.json",
        "model.safetensors",
        "report.json",
        "training.csv",
        "training.svg",
    ] {
        assert!(folder.path().join("mine").join(file).exists(), "{file}");
    }
    assert!(!folder.path().join("mine/state.safetensors").exists());
    let blob = path("mine/model.embert");
    let answer = attempt(&["run", &blob, "x y b z", "--json"]).unwrap();
    assert!(answer.contains("early"), "{answer}");

    // Scored again, both say what they said; a picture shows what was taken for what.
    let (mine, dev, picture) = (path("mine"), path("dev.tsv"), path("confusion.svg"));
    let arguments = [
        "evaluate",
        &mine,
        &blob,
        "--data",
        &dev,
        "--picture",
        &picture,
        "--json",
    ];
    let again: Value = serde_json::from_str(&attempt(&arguments).unwrap()).unwrap();
    for (index, which) in ["float", "blob"].into_iter().enumerate() {
        assert_eq!(again[index]["report"], report["dev"][which]);
    }
    assert!(fs::read_to_string(&picture).unwrap().contains("early"));

    // What it knows, a narrower model can be taught, with texts that nobody has labelled.
    fs::write(path("more.txt"), "a b c\nx y z\nq r s t\n").unwrap();
    let [teacher, student] = [path("mine"), path("student")];
    let (train, dev, more) = (path("train.tsv"), path("dev.tsv"), path("more.txt"));
    let arguments = [
        "distill",
        &teacher,
        "--student",
        "1x16x2x32",
        "--train",
        &train,
        "--dev",
        &dev,
        "-o",
        &student,
        "--unlabelled",
        &more,
        "--rank",
        "8",
        "--qat",
        "--int4",
        "embeddings",
        "--epochs",
        "15",
        "--batch",
        "16",
        "--learning-rate",
        "5e-3",
        "--json",
    ];
    let learns = |more: &[&str]| {
        let arguments = [&arguments[..], more].concat();
        let report: Value = serde_json::from_str(&attempt(&arguments).unwrap()).unwrap();
        let of = |which: &str| report["dev"][which]["accuracy"].as_f64().unwrap();
        assert!(of("blob") > 0.97 * of("teacher") - 0.05, "{report}");
    };
    learns(&[]);
    // From the teacher's blob too, and more texts; a blob does not show what is within.
    let blob = ["--teacher-int8", "--rewrite", "60"];
    let error = attempt(&[&arguments[..], &blob].concat()).unwrap_err();
    assert!(error.contains("--states 0 --relations 0"), "{error}");
    learns(&[&blob[..], &["--states", "0", "--relations", "0"]].concat());
    let blob = path("student/model.embert");
    let shape = attempt(&["inspect", &blob]).unwrap();
    assert!(
        shape.contains("1 layers, hidden 16, 2 attention heads, intermediate 32"),
        "{shape}"
    );
    // It goes on where it was, classifiers included, with the pieces that some texts need.
    let (from, on) = (format!("from:{student}"), path("on"));
    let mut onwards = arguments;
    (onwards[3], onwards[9]) = (&from, &on);
    let onwards = [
        &onwards[..10],
        &["--epochs", "0", "--json", "--vocab-from", &train],
    ]
    .concat();
    let report: Value = serde_json::from_str(&attempt(&onwards).unwrap()).unwrap();
    let before = fs::read_to_string(path("student/report.json")).unwrap();
    let before: Value = serde_json::from_str(&before).unwrap();
    assert_eq!(report["dev"]["float"], before["dev"]["float"]);
    // Thanks go from a checkpoint to its student's blob, and to those made of the student later.
    assert!(shape.contains("Thanks to Ada."), "{shape}");
    let later = path("later.embert");
    attempt(&["quantize", &student, "-o", &later]).unwrap();
    let shape = attempt(&["inspect", &later]).unwrap();
    assert!(shape.contains("Thanks to Ada."), "{shape}");
    // A teacher of other labels is none for these texts.
    let mut arguments = arguments;
    arguments[1] = &base;
    let error = attempt(&arguments).unwrap_err();
    assert!(error.contains("train.tsv, line 2"), "{error}");

    // What is wrong with a file is said with its line, and nothing is written.
    let bad = |name: &str, line: &str| {
        let good = fs::read_to_string(path("dev.tsv")).unwrap();
        let first = good.lines().take(3).collect::<Vec<_>>().join("\n");
        fs::write(path(name), format!("{first}\n{line}\n")).unwrap();
        run("train.tsv", name, &[]).unwrap_err()
    };
    let error = bad("unseen.tsv", "middle\ta b c");
    assert!(
        error.contains("unseen.tsv, line 4") && error.contains("middle"),
        "{error}"
    );
    let error = bad("short.tsv", "early");
    assert!(error.contains("short.tsv, line 4"), "{error}");
    let error = bad("empty.tsv", "early\t ");
    assert!(error.contains("empty.tsv, line 4"), "{error}");

    // What models are judged by is not learnt from.
    let held_out = path("held-out.txt");
    let texts = fs::read_to_string(path("train.tsv")).unwrap();
    let texts: Vec<&str> = texts.lines().filter_map(|l| l.split('\t').nth(1)).collect();
    fs::write(&held_out, texts.join("\n")).unwrap();
    let error = run("train.tsv", "dev.tsv", &["--without", &held_out]).unwrap_err();
    assert!(
        error.contains("all of") && error.contains("train.tsv"),
        "{error}"
    );

    // A run that was interrupted is neither overwritten nor forgotten.
    fs::write(folder.path().join("mine/state.safetensors"), "half").unwrap();
    let error = run("train.tsv", "dev.tsv", &[]).unwrap_err();
    assert!(error.contains("--resume"), "{error}");
    let error = run("train.tsv", "dev.tsv", &["--resume"]).unwrap_err();
    assert!(error.contains("no checkpoint of this run"), "{error}");
}

/// A model of intents and slots cannot be scored on words that have tags alone.
#[test]
fn tags_without_intents_are_no_data_for_both() {
    let folder = tempfile::tempdir().unwrap();
    let joint = folder.path().join("joint");
    fs::create_dir(&joint).unwrap();
    let tiny = &tiny::JOINT;
    tiny.write(&joint, Flavour::usual(tiny)).unwrap();
    let data = folder.path().join("tags.conll");
    fs::write(&data, "the O\nking O\n").unwrap();
    let [joint, data] = [&joint, &data].map(|path| path.to_str().unwrap());
    let error = attempt(&["evaluate", joint, "--words", "--data", data]).unwrap_err();
    assert!(
        error.contains("tags.conll, line 1") && error.contains("intent"),
        "{error}"
    );
}
