//! Questions from SQuAD's JSON to answers, as users of `embert` meet them.

use std::{fs, path::Path};

use embert_tests::tiny::{self, Flavour};
use serde_json::{Value, json};

use crate::command::attempt;

/// `count` letters in an order that looks random.
fn letters(seed: usize, count: usize) -> String {
    let letter = |i: usize| char::from(b'a' + ((seed * 31 + i * i * 17 + i * 7) % 26) as u8);
    let letters: Vec<String> = (0..count).map(|i| letter(i).to_string()).collect();
    letters.join(" ")
}

/// Questions whose answer stands between `the` and a full stop, behind so many letters. What is
/// counted in characters is not in bytes: dashes are around.
fn question(seed: usize, before: usize) -> Value {
    let before = format!("— {} — the ", letters(seed, before));
    let answer = letters(seed + 1, 1 + seed % 2);
    let context = format!("{before}{answer} . {}", letters(seed + 2, 9));
    let start = before.chars().count();
    let answers = json!([{"text": answer, "answer_start": start}]);
    let qas = json!([{"id": format!("q{seed}"), "question": "x", "answers": answers}]);
    json!({"context": context, "qas": qas})
}

fn squad(path: &str, paragraphs: &[Value]) {
    let file = json!({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]});
    fs::write(path, file.to_string()).unwrap();
}

#[test]
fn questions_to_a_folder_a_blob_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let base = path("base");
    fs::create_dir(&base).unwrap();
    let tiny = &tiny::SEQUENCE;
    tiny.write(Path::new(&base), Flavour::usual(tiny)).unwrap();
    let some = |from: usize, count: usize| -> Vec<Value> {
        (from..from + count)
            .map(|seed| question(seed, seed * 7 % 30))
            .collect()
    };
    let (train, dev, output) = (path("train.json"), path("dev.json"), path("mine"));
    squad(&train, &some(0, 300));
    squad(&dev, &some(1000, 100));
    let data = [
        "--questions",
        "--train",
        &train,
        "--dev",
        &dev,
        "--stride",
        "12",
    ];
    let usual = [
        "--epochs",
        "20",
        "--learning-rate",
        "3e-3",
        "--batch",
        "16",
        "--json",
    ];
    let finetune = [&["finetune", &base, "-o", &output][..], &data, &usual].concat();
    let report = attempt(&finetune).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let of = |which: &str| report["dev"][which]["f1"].as_f64().unwrap();
    assert!(of("float") > 0.9, "{report}");
    assert!((of("float") - of("blob")).abs() < 0.05, "{report}");
    assert_eq!(report["dev"]["blob"]["questions"], 100);

    // Scored again, float and blob say what they said.
    let blob = path("mine/model.embert");
    let data = ["--data", &dev, "--questions", "--stride", "12"];
    let evaluate = [&["evaluate", &output, &blob][..], &data].concat();
    let again = attempt(&[&evaluate[..], &["--json"]].concat()).unwrap();
    let again: Value = serde_json::from_str(&again).unwrap();
    for (index, which) in ["float", "blob"].into_iter().enumerate() {
        assert_eq!(again[index]["report"], report["dev"][which]);
    }
    let words = attempt(&evaluate).unwrap();
    assert!(
        words.contains("exact match") && words.contains("(blob)"),
        "{words}"
    );

    // An answer far behind what is read at once is found in a later window.
    let long = question(1001, 200);
    let context = long["context"].as_str().unwrap();
    let answer = attempt(&["run", &blob, "--question", "x", context, "--json"]).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let span = &answer["result"]["answer"]["span"];
    assert_eq!(
        span["text"], long["qas"][0]["answers"][0]["text"],
        "{answer}"
    );
    assert_eq!(answer["truncation"], Value::Null);
    let place = span["start"].as_u64().unwrap() as usize..span["end"].as_u64().unwrap() as usize;
    assert_eq!(context[place], *span["text"].as_str().unwrap());

    // What is wrong with a question is said with its id.
    let mut wrong = question(7, 5);
    wrong["qas"][0]["answers"][0]["answer_start"] = json!(3);
    squad(&dev, &[question(6, 5), wrong]);
    let error = attempt(&evaluate).unwrap_err();
    assert!(error.contains("dev.json, question q7"), "{error}");

    // Where answers are wanted and none are given, and the other way round.
    squad(&dev, &some(0, 3));
    let (texts, sequence) = (path("texts.tsv"), base.as_str());
    fs::write(&texts, "label\ttext\nsun\ta b c\n").unwrap();
    let error = attempt(&["evaluate", &blob, "--data", &texts]).unwrap_err();
    assert!(error.contains("give it some in SQuAD's JSON"), "{error}");
    let error = attempt(&["evaluate", sequence, "--data", &dev, "--questions"]).unwrap_err();
    assert!(error.contains("answers no questions"), "{error}");
    let student = ["--student", "1x16x2x32", "-o", &path("student")];
    let distil = [
        &["distil", &output][..],
        &["--train", &train, "--dev", &dev],
        &student,
    ]
    .concat();
    for arguments in [distil.clone(), [&distil[..], &["--questions"]].concat()] {
        let error = attempt(&arguments).unwrap_err();
        assert!(
            error.contains("cannot be taught to answer questions"),
            "{error}"
        );
    }
}

/// A model of one segment cannot tell the question from the context.
#[test]
fn one_segment_is_not_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (base, data, output) = (path("base"), path("data.json"), path("mine"));
    fs::create_dir(&base).unwrap();
    let tiny = &tiny::TOKEN;
    tiny.write(Path::new(&base), Flavour::usual(tiny)).unwrap();
    squad(&data, &[question(1, 5)]);
    let arguments = [
        "finetune",
        &base,
        "--questions",
        "--train",
        &data,
        "--dev",
        &data,
        "-o",
        &output,
    ];
    let error = attempt(&arguments).unwrap_err();
    assert!(error.contains("one segment"), "{error}");
}
