//! `embert quantize`, `inspect` and `validate`: blobs are made, looked at and compared.

use std::fs;

use embert_tests::tiny::{self};
use serde_json::Value;

use crate::command::{Workplace, fail, succeed};

#[test]
fn sections_add_up_to_the_blob() {
    for tiny in tiny::ALL {
        let workplace = Workplace::new(&tiny);
        let json = succeed(&["inspect", &workplace.model(), "--json"], b"");
        let inspection: Value = serde_json::from_str(&json).unwrap();
        let sections = inspection["sections"].as_array().unwrap().iter();
        let sum: u64 = sections
            .map(|section| section["bytes"].as_u64().unwrap())
            .sum();
        let size = fs::metadata(workplace.path("model.embert")).unwrap().len();
        assert_eq!(
            (sum, inspection["bytes"].as_u64()),
            (size, Some(size)),
            "{}",
            tiny.name
        );
        let count = |what: &str| inspection[what].as_array().unwrap().len();
        let names = tiny.intents.len() + tiny.labels.len();
        assert_eq!(count("labels") + count("token_labels"), names);
        assert_eq!(count("token_labels") > 0, !tiny.intents.is_empty());
        let longest = inspection["scratch"].as_array().unwrap().last().unwrap();
        assert_eq!(longest["tokens"], tiny.positions);
    }
}

#[test]
fn a_damaged_blob_is_found_out() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let model = workplace.model();
    assert!(succeed(&["inspect", &model], b"").contains("intact"));
    let mut bytes = fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&model, &bytes).unwrap();
    fail(
        &["inspect", &model],
        b"",
        &["checksum is wrong", "model.embert"],
    );
    fs::write(&model, &bytes[..middle]).unwrap();
    fail(
        &["run", &model, "hello"],
        b"",
        &["model.embert cannot be used", "embert quantize"],
    );
}

#[test]
fn validation_compares_both_models() {
    // Of which a model that answers questions takes what is before the tab for one.
    let texts = b"hello there\tthe sea\n\nthe quick\tbrown fox\nabc, def.\tghi\n";
    for tiny in tiny::ALL {
        let workplace = Workplace::new(&tiny);
        let (checkpoint, model) = (workplace.checkpoint(), workplace.model());
        let arguments = [
            "validate",
            &checkpoint,
            &model,
            "--texts",
            "-",
            "--json",
            "--worst",
            "2",
        ];
        let summary: Value = serde_json::from_str(&succeed(&arguments, texts)).unwrap();
        assert_eq!(summary["texts"], 3);
        assert_eq!(summary["worst"].as_array().unwrap().len(), 2);
        if tiny.name == tiny::SPANS.name {
            // Of few tokens with random weights, so small gaps decide.
            assert!(summary["agreement"].as_f64().unwrap() > 0.6, "{summary}");
            assert_eq!(summary["probability_gap"], Value::Null);
        } else if tiny.labels.is_empty() {
            assert!(
                summary["cosine"]["min"].as_f64().unwrap() > 0.98,
                "{summary}"
            );
            assert_eq!(summary["agreement"], Value::Null);
        } else {
            assert!(summary["agreement"].as_f64().unwrap() > 0.8, "{summary}");
            assert!(
                summary["probability_gap"].as_f64().unwrap() < 0.2,
                "{summary}"
            );
        }
        let intents = &summary["intent_agreement"];
        assert_eq!(intents.is_number(), !tiny.intents.is_empty(), "{summary}");
        let people = succeed(&["validate", &checkpoint, &model, "--texts", "-"], texts);
        assert!(people.contains("worst texts"), "{people}");
        assert_eq!(people.contains("intents agree"), intents.is_number());
    }
    let (one, other) = (
        Workplace::new(&tiny::TOKEN),
        Workplace::new(&tiny::SEQUENCE),
    );
    let arguments = [
        "validate",
        &one.checkpoint(),
        &other.model(),
        "--texts",
        "-",
    ];
    fail(
        &arguments,
        texts,
        &[
            "not made from this checkpoint",
            "layers",
            "2 in the blob",
            "3 in the checkpoint",
        ],
    );
}

#[test]
fn int4_is_smaller_and_says_so() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let (checkpoint, small) = (workplace.checkpoint(), workplace.path("small.embert"));
    let (small, parts) = (small.to_str().unwrap(), "embeddings,feed-forward");
    succeed(
        &["quantize", &checkpoint, "-o", small, "--int4", parts],
        b"",
    );
    let bytes = |path: &str| fs::metadata(path).unwrap().len();
    assert!(bytes(small) < bytes(&workplace.model()));
    let people = succeed(&["inspect", small], b"");
    for section in [
        "word embeddings, int4",
        "position and segment embeddings, int4 and int8",
        "attention, int8",
        "feed-forward, int4",
        "head, int8",
    ] {
        assert!(people.contains(section), "{section}: {people}");
    }
    succeed(&["run", small, "the king sings."], b"");
}

#[test]
fn entities_are_found_as_readily_as_one_likes() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let (folder, blob) = (workplace.checkpoint(), workplace.text("leant.embert"));
    let entities = |recall: &str| {
        succeed(&["quantize", &folder, "-o", &blob, "--recall", recall], b"");
        let read = succeed(&["run", &blob, "--json", "the king of france"], b"");
        let report: Value = serde_json::from_str(&read).unwrap();
        let found = &report["result"]["token_classification"]["entities"];
        let found = found.as_array().unwrap().iter();
        found
            .map(|entity| entity["label"].as_str().unwrap().to_owned())
            .collect::<Vec<String>>()
    };
    assert!(entities("-100").is_empty());
    assert!(!entities("100").is_empty());
    let people = entities("-100,PER=200");
    assert!(!people.is_empty() && people.iter().all(|label| label == "PER"));
    let texts = Workplace::new(&tiny::SEQUENCE);
    fail(
        &["quantize", &folder, "-o", &blob, "--recall", "nan"],
        b"",
        &["--recall", "a number"],
    );
    fail(
        &["quantize", &folder, "-o", &blob, "--recall", "GOD=1"],
        b"",
        &["no GOD", "B-PER"],
    );
    fail(
        &[
            "quantize",
            &texts.checkpoint(),
            "-o",
            &blob,
            "--recall",
            "1",
        ],
        b"",
        &["--recall", "no entities"],
    );
}

#[test]
fn a_blob_appears_whole_or_not_at_all() {
    let workplace = Workplace::new(&tiny::TOKEN);
    assert_eq!(workplace.names(), ["checkpoint", "model.embert"]);
    let before = fs::read(workplace.model()).unwrap();
    succeed(
        &[
            "quantize",
            &workplace.checkpoint(),
            "-o",
            &workplace.model(),
        ],
        b"",
    );
    assert_eq!(
        fs::read(workplace.model()).unwrap(),
        before,
        "the same checkpoint gives the same blob"
    );

    let nowhere = workplace.text("nowhere/model.embert");
    fail(
        &["quantize", &workplace.checkpoint(), "-o", &nowhere],
        b"",
        &["cannot write", "nowhere"],
    );
    fs::remove_file(workplace.path("checkpoint/vocab.txt")).unwrap();
    let other = workplace.text("other.embert");
    fail(
        &["quantize", &workplace.checkpoint(), "-o", &other],
        b"",
        &["holds no tokenizer"],
    );
    assert_eq!(workplace.names(), ["checkpoint", "model.embert"]);
}

#[test]
fn a_notice_travels_in_the_blob() {
    let workplace = Workplace::new(&tiny::TOKEN);
    let inspect = || succeed(&["inspect", &workplace.model()], b"");
    assert!(
        inspect().contains("Made from the checkpoint checkpoint."),
        "{}",
        inspect()
    );
    fs::write(workplace.path("checkpoint/NOTICE"), "By Ada, CC BY 4.0\n").unwrap();
    succeed(
        &[
            "quantize",
            &workplace.checkpoint(),
            "-o",
            &workplace.model(),
        ],
        b"",
    );
    assert!(inspect().contains("By Ada, CC BY 4.0"), "{}", inspect());
}
