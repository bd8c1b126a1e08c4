//! `embert pretrain` as its users meet it.

use std::{fs, path::Path};

use serde_json::Value;

use crate::command::attempt;

/// Wrapped stories of things of the farm or of the street, which do what they always do.
fn story(number: usize) -> String {
    let things = [
        ["cow", "horse", "goat", "hen"],
        ["bus", "tram", "lorry", "bicycle"],
    ];
    let verbs = ["waits", "moves", "stands", "turns"];
    let things = things[number % 2];
    let sentence = |s: usize| {
        let [a, b] = [number + s * s, number * 3 + s].map(|i| i % 4);
        let end = if s % 5 == 4 { "\n\n" } else { "\n" };
        format!("The {} {}\nby the {}.{end}", things[a], verbs[a], things[b])
    };
    (0..15).map(sentence).collect()
}

#[test]
fn text_to_a_folder_that_finetuning_begins_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let text = path("text");
    fs::create_dir(&text).unwrap();
    for number in 0..24 {
        fs::write(
            Path::new(&text).join(format!("{number}.txt")),
            story(number),
        )
        .unwrap();
    }
    let run = |output: &str, more: &[&str]| -> Result<Value, String> {
        let output = path(output);
        let usual = ["pretrain", "--text", &text, "-o", &output, "--json"];
        let report = attempt(&[&usual[..], more].concat())?;
        Ok(serde_json::from_str(&report).unwrap())
    };
    let shape = [
        "--shape",
        "1x32x2x64",
        "--vocab-size",
        "100",
        "--max-tokens",
        "32",
        "--batch",
        "8",
        "--learning-rate",
        "5e-3",
        "--held-out",
        "0.2",
    ];
    let with = |more: &[&'static str]| [&shape[..], more].concat();
    let number = |report: &Value, name: &str| report["held_out"][name].as_f64().unwrap();

    let random = run("random", &with(&["--epochs", "0"])).unwrap();
    let report = run("mine", &with(&["--epochs", "12", "--whole-words"])).unwrap();
    let loss = number(&report, "cross_entropy");
    assert!(
        loss < 0.8 * number(&report, "unigram_cross_entropy"),
        "{report}"
    );
    assert!(
        loss < number(&random, "cross_entropy") - 1.0,
        "{report} {random}"
    );
    assert_eq!(report["documents"], 19);
    for file in [
        "config.json",
        "model.safetensors",
        "tokenizer_config.json",
        "training.csv",
        "training.svg",
    ] {
        assert!(Path::new(&path("mine")).join(file).exists(), "{file}");
    }
    assert!(!Path::new(&path("mine/state.safetensors")).exists());
    let written = fs::read_to_string(path("mine/report.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), report);
    let vocabulary = fs::read_to_string(path("mine/vocab.txt")).unwrap();
    assert!(vocabulary.starts_with("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"));
    assert!(vocabulary.lines().any(|piece| piece == "bicycle"));

    // The same vocabulary from its file; and what has been learnt, learnt on.
    let same = path("mine/vocab.txt");
    let again = ["--vocab", &same, "--shape", "1x16x1x16", "--epochs", "0"];
    run("again", &again).unwrap();
    assert_eq!(
        fs::read_to_string(path("again/vocab.txt")).unwrap(),
        vocabulary
    );
    let mine = path("mine");
    let more = run(
        "more",
        &[
            "--from",
            &mine,
            "--held-out",
            "0.2",
            "--epochs",
            "0",
            "--whole-words",
        ],
    );
    let difference = number(&more.unwrap(), "cross_entropy") - loss;
    assert!(difference.abs() < 1e-6, "{difference}");

    // A classifier of it: what is of the farm, and what of the street.
    let rows = |from: usize| -> String {
        let row = |number: usize| {
            let label = ["farm", "street"][number % 2];
            let text = story(number).replace('\n', " ");
            format!("{label}\t{}\n", &text[..30])
        };
        "label\ttext\n".to_owned() + &(from..from + 40).map(row).collect::<String>()
    };
    let [train, dev, task] = ["train.tsv", "dev.tsv", "task"].map(path);
    fs::write(&train, rows(0)).unwrap();
    fs::write(&dev, rows(100)).unwrap();
    let arguments = [
        "finetune",
        &mine,
        "--train",
        &train,
        "--dev",
        &dev,
        "-o",
        &task,
        "--epochs",
        "5",
        "--learning-rate",
        "3e-3",
        "--batch",
        "8",
        "--json",
    ];
    let scores: Value = serde_json::from_str(&attempt(&arguments).unwrap()).unwrap();
    assert!(
        scores["dev"]["blob"]["accuracy"].as_f64().unwrap() > 0.9,
        "{scores}"
    );

    // An unfinished run is neither overwritten nor forgotten.
    fs::write(path("mine/state.safetensors"), "half").unwrap();
    let error = run("mine", &with(&[])).unwrap_err();
    assert!(error.contains("--resume"), "{error}");
    let error = run("mine", &with(&["--resume"])).unwrap_err();
    assert!(error.contains("no checkpoint of this run"), "{error}");
}

#[test]
fn what_cannot_be_learnt_from_is_said_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [text, output] = ["book.txt", "mine"].map(path);
    let run = |more: &[&str]| {
        let usual = ["pretrain", "--text", &text, "-o", &output];
        let error = attempt(&[&usual[..], more].concat()).unwrap_err();
        assert!(!Path::new(&output).join("config.json").exists());
        error
    };
    fs::write(&text, "One.\n\nTwo.\n").unwrap();
    let error = run(&[]);
    assert!(
        error.contains("1 documents") && error.contains("--blank-lines"),
        "{error}"
    );
    fs::write(&text, "One.\n\nTwo.\n\nThree.\n\nFour.\n").unwrap();
    let pieces = path("vocab.txt");
    fs::write(&pieces, "[PAD]\n[UNK]\n[CLS]\n[SEP]\no\n").unwrap();
    let error = run(&["--blank-lines", "--vocab", &pieces]);
    assert!(
        error.contains("vocab.txt") && error.contains("[MASK]"),
        "{error}"
    );
    fs::write(&pieces, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\no\no\n").unwrap();
    let error = run(&["--blank-lines", "--vocab", &pieces]);
    assert!(error.contains("lines 6 and 7"), "{error}");
    let error = run(&["--shape", "2x30x4x8"]);
    assert!(error.contains("no multiple of 4 heads"), "{error}");
    fs::write(&text, b"One.\n\xff").unwrap();
    let error = run(&[]);
    assert!(error.contains("book.txt, line 2 is not UTF-8"), "{error}");
}
