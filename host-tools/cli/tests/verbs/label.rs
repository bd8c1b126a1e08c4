//! `embert label` as its users meet it.

use std::fs;

use embert_tests::tiny::{self, Flavour, Tiny};
use serde_json::Value;

use crate::command::attempt;

/// What a model has labelled, it gets right.
fn its_own_opinion(tiny: &Tiny, name: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let model = path("model");
    fs::create_dir(&model).unwrap();
    tiny.write(model.as_ref(), Flavour::usual(tiny)).unwrap();
    let [texts, labelled] = [path("texts.txt"), path(name)];
    fs::write(&texts, "the king sings.\n\nthe sea, the sky\nthe end\n").unwrap();
    attempt(&["label", &model, "--file", &texts, "-o", &labelled]).unwrap();
    let usual = ["evaluate", &model, "--data", &labelled, "--json"];
    let report = attempt(&[&usual[..], more].concat()).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let report = &report[0]["report"];
    let accuracy = report
        .get("accuracy")
        .unwrap_or(&report["conlleval"]["accuracy"]);
    assert_eq!(accuracy, 1.0, "{report}");
    fs::read_to_string(labelled).unwrap()
}

#[test]
fn words_are_written_with_their_tags() {
    let labelled = its_own_opinion(&tiny::TOKEN, "labelled.conll", &["--words"]);
    let sentences: Vec<Vec<&str>> = labelled
        .trim_end()
        .split("\n\n")
        .map(|sentence| {
            let words = sentence.lines().filter_map(|line| line.split('\t').next());
            words.collect()
        })
        .collect();
    assert_eq!(sentences[0], ["the", "king", "sings", "."]);
    assert_eq!(sentences[1], ["the", "sea", ",", "the", "sky"]);
    assert_eq!(sentences.len(), 3);
}

#[test]
fn texts_are_written_with_their_labels() {
    let columns = ["--text-column", "text", "--label-column", "label"];
    let labelled = its_own_opinion(&tiny::SEQUENCE, "labelled.tsv", &columns);
    let texts: Vec<&str> = labelled
        .lines()
        .filter_map(|l| l.split('\t').nth(1))
        .collect();
    assert_eq!(
        texts,
        ["text", "the king sings.", "the sea, the sky", "the end"]
    );
}
