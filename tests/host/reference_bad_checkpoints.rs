//! A checkpoint that cannot be used is refused with a message that names the file, the tensor or
//! the setting, and says what to do.

use std::{fs, path::Path};

use embert_tests::tiny::{self, Flavour, Tiny};
use embert_tools::checkpoint::{Checkpoint, FloatHead, HeadChoice, Pooling};
use safetensors::SafeTensors;
use serde_json::{Value, json};

fn write(tiny: &Tiny) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
    folder
}

fn edit_config(folder: &Path, edit: impl FnOnce(&mut Value)) {
    let path = folder.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    edit(&mut config);
    fs::write(path, config.to_string()).unwrap();
}

fn remove_tensor(folder: &Path, name: &str) {
    let path = folder.join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let rest = tensors
        .tensors()
        .into_iter()
        .filter(|(other, _)| other != name);
    safetensors::serialize_to_file(rest, None, &path).unwrap();
}

#[track_caller]
fn assert_refused(folder: &Path, words: &[&str]) {
    let message = Checkpoint::open(folder, None).unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

#[test]
fn a_folder_that_is_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    assert_refused(
        folder.path(),
        &["is not a checkpoint", "config.json", "model.safetensors"],
    );
}

#[test]
fn what_is_not_bert() {
    let folder = write(&tiny::TOKEN);
    for (field, value, words) in [
        (
            "model_type",
            json!("roberta"),
            vec!["does not describe a BERT", "\"roberta\""],
        ),
        (
            "position_embedding_type",
            json!("relative_key"),
            vec!["relative_key", "absolute"],
        ),
        ("is_decoder", json!(true), vec!["decoder", "only encoders"]),
        (
            "hidden_act",
            json!("silu"),
            vec!["hidden_act \"silu\"", "gelu"],
        ),
        (
            "num_attention_heads",
            json!(4),
            vec!["21 is not a multiple of num_attention_heads 4"],
        ),
        (
            "intermediate_size",
            json!(0),
            vec!["intermediate_size is 0"],
        ),
        ("hidden_size", json!("wide"), vec!["config.json", "wide"]),
    ] {
        let mut before = Value::Null;
        edit_config(folder.path(), |config| {
            before = std::mem::replace(&mut config[field], value)
        });
        assert_refused(folder.path(), &words);
        edit_config(folder.path(), |config| match before {
            Value::Null => drop(config.as_object_mut().unwrap().remove(field)),
            value => config[field] = value,
        });
    }
    Checkpoint::open(folder.path(), None).expect("as it was written");
}

#[test]
fn a_missing_tensor_is_named_with_its_shape() {
    for (tensor, shape) in [
        ("bert.encoder.layer.2.output.dense.weight", "[21 x 37]"),
        ("bert.embeddings.LayerNorm.bias", "[21]"),
        ("bert.embeddings.word_embeddings.weight", "[61 x 21]"),
        ("classifier.weight", "[7 x 21]"),
    ] {
        let folder = write(&tiny::TOKEN);
        remove_tensor(folder.path(), tensor);
        let name = tensor.trim_start_matches("bert.");
        assert_refused(
            folder.path(),
            &["model.safetensors", "lacks the tensor", name, shape],
        );
    }
}

#[test]
fn a_head_without_its_pooler() {
    let folder = write(&tiny::SEQUENCE);
    remove_tensor(folder.path(), "bert.pooler.dense.weight");
    assert_refused(
        folder.path(),
        &["pooler.dense.weight", "[24 x 24]", "--head"],
    );
    let mean = Some(HeadChoice::Embedding(Pooling::Mean));
    let checkpoint = Checkpoint::open(folder.path(), mean).unwrap();
    assert!(checkpoint.labels.is_empty());
}

#[test]
fn a_misshapen_tensor_is_named_with_both_shapes() {
    let folder = write(&tiny::TOKEN);
    edit_config(folder.path(), |config| {
        config["intermediate_size"] = json!(84)
    });
    let words = [
        "encoder.layer.0.intermediate.dense.weight",
        "[37 x 21]",
        "asks for [84 x 21]",
    ];
    assert_refused(folder.path(), &words);
}

#[test]
fn damaged_weights() {
    let folder = write(&tiny::TOKEN);
    let path = folder.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert_refused(
        folder.path(),
        &["model.safetensors", "cannot be understood"],
    );

    let mut damaged = whole.clone();
    let end = damaged.len();
    damaged[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, damaged).unwrap();
    assert_refused(folder.path(), &["not finite"]);

    fs::remove_file(&path).unwrap();
    assert_refused(folder.path(), &["holds no weights", "pytorch_model.bin"]);
    fs::write(folder.path().join("pytorch_model.bin"), b"not a pickle").unwrap();
    assert_refused(
        folder.path(),
        &["pytorch_model.bin", "cannot be understood"],
    );
}

#[test]
fn a_tokenizer_that_is_missing_or_another() {
    let folder = write(&tiny::TOKEN);
    let vocab = folder.path().join("vocab.txt");
    let text = fs::read_to_string(&vocab).unwrap();
    fs::write(&vocab, text.clone() + "one\nmore\n").unwrap();
    assert_refused(folder.path(), &["63 pieces", "61 word embeddings"]);
    fs::write(&vocab, text.replace("[SEP]", "[sep]")).unwrap();
    assert_refused(folder.path(), &["[SEP]", "not in the vocabulary"]);
    fs::remove_file(&vocab).unwrap();
    assert_refused(folder.path(), &["holds no tokenizer", "vocab.txt"]);
    let bpe = json!({"model": {"type": "BPE", "vocab": {}}, "normalizer": null});
    fs::write(folder.path().join("tokenizer.json"), bpe.to_string()).unwrap();
    assert_refused(
        folder.path(),
        &["tokenizer.json", "the model BPE", "WordPiece"],
    );
}

#[test]
fn heads_that_are_not_computed() {
    let folder = write(&tiny::SEQUENCE);
    edit_config(folder.path(), |config| {
        config["problem_type"] = json!("regression")
    });
    assert_refused(folder.path(), &["regression", "--head"]);
    edit_config(folder.path(), |config| {
        config["architectures"] = json!(["BertForMultipleChoice"])
    });
    assert_refused(folder.path(), &["BertForMultipleChoice", "--head"]);
}

#[test]
fn labels_come_from_the_classifier_not_the_config() {
    let folder = write(&tiny::SEQUENCE);
    edit_config(folder.path(), |config| {
        config["id2label"] = json!({"0": "sun", "3": "wind"})
    });
    let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
    assert_eq!(
        checkpoint.labels,
        ["sun", "LABEL_1", "LABEL_2", "wind", "LABEL_4"]
    );
    assert!(
        checkpoint.notes[0].contains("names 2 labels"),
        "{:?}",
        checkpoint.notes
    );
}

#[test]
fn without_an_architecture_the_pooler_tells_the_heads_apart() {
    for (tiny, is_sequence) in [(tiny::SEQUENCE, true), (tiny::TOKEN, false)] {
        let folder = write(&tiny);
        edit_config(folder.path(), |config| {
            drop(config.as_object_mut().unwrap().remove("architectures"))
        });
        let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
        assert_eq!(
            matches!(checkpoint.head, FloatHead::SequenceClassification { .. }),
            is_sequence
        );
        assert_eq!(checkpoint.notes.len(), 1, "{:?}", checkpoint.notes);
    }
}

#[test]
fn sentence_transformers_folders_say_how_to_pool() {
    let folder = write(&tiny::EMBEDDING);
    let open = || Checkpoint::open(folder.path(), None).map(|checkpoint| checkpoint.head);
    let modules = |kinds: &[&str]| {
        let module = |(index, kind): (usize, &&str)| json!({"idx": index, "path": format!("{index}_{kind}"), "type": format!("sentence_transformers.models.{kind}")});
        let modules: Vec<Value> = kinds.iter().enumerate().map(module).collect();
        fs::write(
            folder.path().join("modules.json"),
            json!(modules).to_string(),
        )
        .unwrap();
    };
    let pooling = folder.path().join("1_Pooling");
    fs::create_dir(&pooling).unwrap();
    let pooling = pooling.join("config.json");

    modules(&["Transformer", "Pooling"]);
    fs::write(
        &pooling,
        json!({"pooling_mode_cls_token": true}).to_string(),
    )
    .unwrap();
    let expected = FloatHead::Embedding {
        pooling: Pooling::Cls,
        normalize: false,
    };
    assert_eq!(open().unwrap(), expected);

    modules(&["Transformer", "Pooling", "Normalize"]);
    fs::write(&pooling, json!({"pooling_mode": "mean"}).to_string()).unwrap();
    let expected = FloatHead::Embedding {
        pooling: Pooling::Mean,
        normalize: true,
    };
    assert_eq!(open().unwrap(), expected);

    fs::write(
        &pooling,
        json!({"pooling_mode_max_tokens": true}).to_string(),
    )
    .unwrap();
    assert_refused(
        folder.path(),
        &["1_Pooling", "pooling by max", "mean and cls"],
    );
    modules(&["Transformer", "Pooling", "Dense"]);
    fs::write(&pooling, "{}").unwrap();
    assert_refused(folder.path(), &["modules.json", "the module Dense"]);
}

#[test]
fn a_cased_vocabulary_that_nothing_declares_is_pointed_out() {
    let folder = write(&tiny::TOKEN);
    let vocab = folder.path().join("vocab.txt");
    let text = fs::read_to_string(&vocab).unwrap();
    fs::write(&vocab, text.replace("\nthe\n", "\nThe\n")).unwrap();
    assert!(
        Checkpoint::open(folder.path(), None)
            .unwrap()
            .notes
            .is_empty()
    );
    let config = folder.path().join("tokenizer_config.json");
    fs::remove_file(&config).unwrap();
    let checkpoint = Checkpoint::open(folder.path(), None).unwrap();
    assert!(checkpoint.tokenizer.lowercase);
    assert!(
        checkpoint.notes[0].contains("do_lower_case"),
        "{:?}",
        checkpoint.notes
    );
    fs::write(&config, json!({"do_lower_case": false}).to_string()).unwrap();
    let tokenizer = Checkpoint::open(folder.path(), None).unwrap().tokenizer;
    assert!(!tokenizer.lowercase && !tokenizer.strip_accents);
}

#[test]
fn shards_make_one_checkpoint() {
    let folder = write(&tiny::TOKEN);
    let whole = Checkpoint::open(folder.path(), None).unwrap();
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
    let mut weight_map = serde_json::Map::new();
    for (index, shard) in tensors.chunks(tensors.len() / 2 + 1).enumerate() {
        let file = format!("model-0000{}-of-00002.safetensors", index + 1);
        weight_map.extend(shard.iter().map(|(name, _)| (name.clone(), json!(file))));
        let views = shard.iter().map(|(name, view)| (name, view));
        safetensors::serialize_to_file(views, None, &folder.path().join(file)).unwrap();
    }
    let index = json!({"metadata": {}, "weight_map": weight_map});
    fs::write(
        folder.path().join("model.safetensors.index.json"),
        index.to_string(),
    )
    .unwrap();
    let sharded = Checkpoint::open(folder.path(), None).unwrap();
    assert_eq!(sharded.model, whole.model);
    assert_eq!(sharded.head, whole.head);
}
