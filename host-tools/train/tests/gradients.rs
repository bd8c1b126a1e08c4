//! One step of training is PyTorch's: the loss, all gradients, and what AdamW makes of them.
//!
//! The golden files are made by `tests/golden/make_gradients.py`.

use embert_tests::checkpoints::repository;
use embert_tests::tiny::{self, Flavour, Tiny};
use embert_tools::checkpoint::{Checkpoint, FloatHead, FloatModel};
use embert_train::model::{
    Batch, Config, DropoutRates, Encoder, Head, HeadTape, Injected, LanguageHead, LanguageLogits,
    LanguageTape, Logits, Parameters, Tape, float_dense, float_model, load, load_dense,
};
use embert_train::ops::{cross_entropy, span_cross_entropy};
use embert_train::trainer::optimizer::{AdamW, Settings};
use safetensors::SafeTensors;

const TOLERANCE: f32 = 1e-4;

fn numbers<T>(tensors: &SafeTensors<'_>, name: &str, read: fn([u8; 4]) -> T) -> Vec<T> {
    let tensor = tensors.tensor(name).unwrap_or_else(|_| panic!("{name}"));
    let chunks = tensor.data().chunks_exact(4);
    chunks
        .map(|bytes| read(bytes.try_into().unwrap()))
        .collect()
}

/// The largest difference of a tensor from the golden one.
fn difference(tensors: &SafeTensors<'_>, name: &str, found: &[f32]) -> f32 {
    let expected = numbers(tensors, name, f32::from_le_bytes);
    assert_eq!(expected.len(), found.len(), "{name}");
    let pairs = expected.iter().zip(found);
    pairs.fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// Tensors of a model by the names of Hugging Face.
fn named(model: &FloatModel) -> Vec<(String, &[f32])> {
    let mut all: Vec<(String, &[f32])> = vec![
        (
            "embeddings.word_embeddings.weight".into(),
            &model.word_embeddings,
        ),
        (
            "embeddings.position_embeddings.weight".into(),
            &model.position_embeddings,
        ),
        (
            "embeddings.token_type_embeddings.weight".into(),
            &model.segment_embeddings,
        ),
        (
            "embeddings.LayerNorm.weight".into(),
            &model.embedding_norm.gamma,
        ),
        (
            "embeddings.LayerNorm.bias".into(),
            &model.embedding_norm.beta,
        ),
    ];
    for (index, layer) in model.layers.iter().enumerate() {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        for (part, dense) in [
            ("attention.self.query", &layer.query),
            ("attention.self.key", &layer.key),
            ("attention.self.value", &layer.value),
            ("attention.output.dense", &layer.attention_output),
            ("intermediate.dense", &layer.intermediate),
            ("output.dense", &layer.output),
        ] {
            all.push((name(part) + ".weight", &dense.weight));
            all.push((name(part) + ".bias", &dense.bias));
        }
        for (part, norm) in [
            ("attention.output.LayerNorm", &layer.attention_norm),
            ("output.LayerNorm", &layer.output_norm),
        ] {
            all.push((name(part) + ".weight", &norm.gamma));
            all.push((name(part) + ".bias", &norm.beta));
        }
    }
    all
}

fn step(tiny: &Tiny) {
    let path = repository().join(format!("tests/golden/{}_step.safetensors", tiny.name));
    let bytes = std::fs::read(&path).unwrap();
    let golden = SafeTensors::deserialize(&bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
    let checkpoint = Checkpoint::open(folder.path(), None).unwrap();

    let mut parameters = Parameters::default();
    let config = Config::of(&checkpoint.model);
    let encoder = Encoder::new(config, &mut parameters);
    let (classifier, name) = match &checkpoint.head {
        FloatHead::SequenceClassification { classifier, .. }
        | FloatHead::TokenClassification { classifier } => (classifier, "classifier"),
        FloatHead::Spans { classifier } => (classifier, "qa_outputs"),
        FloatHead::Embedding { .. } | FloatHead::Joint { .. } => {
            unreachable!("no golden file of one")
        }
    };
    let classes = classifier.outputs;
    let per_text = matches!(checkpoint.head, FloatHead::SequenceClassification { .. });
    let spans = matches!(checkpoint.head, FloatHead::Spans { .. });
    let labels = if per_text { [classes, 0] } else { [0, classes] };
    let head = Head::new(tiny.hidden, labels, &mut parameters);
    load(&encoder, &checkpoint.model, &mut parameters);
    if let (Some(pooler), Some(floats)) = (&head.pooler, &checkpoint.model.pooler) {
        load_dense(pooler, floats, &mut parameters);
    }
    let dense = head.sequence.as_ref().or(head.tokens.as_ref()).unwrap();
    load_dense(dense, classifier, &mut parameters);

    let [ids, segments, targets] =
        ["ids", "segments", "labels"].map(|name| numbers(&golden, name, i32::from_le_bytes));
    let width = ids.len() / 4;
    let mut batch = Batch::default();
    let mut wanted: Vec<Option<u32>> = Vec::new();
    let (answers, _) = targets.as_chunks::<2>();
    let answers: Vec<[u32; 2]> = answers.iter().map(|a| a.map(|at| at as u32)).collect();
    for (row, length) in [5, 17, 1, 9].into_iter().enumerate() {
        let of = |all: &[i32]| all[row * width..][..length].to_vec();
        let ids: Vec<u32> = of(&ids).iter().map(|&id| id as u32).collect();
        let segment_b = of(&segments).iter().position(|&s| s == 1).unwrap_or(length);
        batch.push(&ids, segment_b);
        match (spans, per_text) {
            (true, _) => {}
            (_, true) => wanted.push(Some(targets[row] as u32)),
            (_, false) => wanted.extend(of(&targets).iter().map(|&t| u32::try_from(t).ok())),
        }
    }

    let (mut tape, mut kept) = (Tape::default(), HeadTape::default());
    let (mut logits, mut dlogits) = (Logits::default(), Logits::default());
    let pass = encoder.pass(&parameters.values, &batch, DropoutRates::NONE);
    encoder.forward(&pass, &mut tape);
    head.forward(&pass, tape.output(), &mut kept, &mut logits);
    let (found, gradient) = match per_text {
        true => (&logits.sequence, &mut dlogits.sequence),
        false => (&logits.tokens, &mut dlogits.tokens),
    };
    gradient.resize(found.len(), 0.0);
    let count = match spans {
        true => 2 * answers.len(),
        false => wanted.iter().flatten().count(),
    } as f32;
    let loss = match spans {
        true => span_cross_entropy(found, &batch.sequences, &answers, 1.0 / count, gradient),
        false => cross_entropy(found, classes, &wanted, None, 1.0 / count, gradient),
    };
    let expected = numbers(&golden, "loss", f32::from_le_bytes)[0];
    assert!(
        (loss as f32 / count - expected).abs() < TOLERANCE,
        "{loss} {expected}"
    );

    let mut gradient = vec![0.0; pass.values.len()];
    let (_, states) = tape.gradient();
    head.backward(&pass, &kept, &dlogits, states, &mut gradient);
    encoder.backward(&pass, &mut tape, &Injected::default(), &mut gradient);

    let compare = |what: &str, values: &[f32]| {
        let model = float_model(&encoder, values);
        for (name, tensor) in named(&model) {
            let name = format!("{what}.bert.{name}");
            let difference = difference(&golden, &name, tensor);
            assert!(difference < TOLERANCE, "{name}: {difference}");
        }
        let found = float_dense(dense, values);
        let name = format!("{what}.{name}.weight");
        assert!(
            difference(&golden, &name, &found.weight) < TOLERANCE,
            "{name}"
        );
        if let Some(pooler) = &head.pooler {
            let name = format!("{what}.bert.pooler.dense.weight");
            let found = float_dense(pooler, values);
            assert!(
                difference(&golden, &name, &found.weight) < TOLERANCE,
                "{name}"
            );
        }
    };
    compare("gradient", &gradient);

    let settings = Settings {
        weight_decay: 0.1,
        clip: f32::INFINITY,
        ..Settings::default()
    };
    AdamW::new(settings, &parameters).step(1e-3, &mut parameters, &mut gradient);
    compare("after", &parameters.values);
}

#[test]
fn sequence_classification() {
    step(&tiny::SEQUENCE);
}

#[test]
fn token_classification() {
    step(&tiny::TOKEN);
}

#[test]
fn answers_to_questions() {
    step(&tiny::SPANS);
}

/// Both tasks of pre-training: the gradient of the word embeddings has two parts, as the first
/// layer and the last.
#[test]
fn pretraining() {
    let path = repository().join("tests/golden/tiny_pretraining_step.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let golden = SafeTensors::deserialize(&bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let tiny = &tiny::SEQUENCE;
    tiny.write(folder.path(), Flavour::usual(tiny)).unwrap();
    let checkpoint = Checkpoint::open(folder.path(), None).unwrap();

    let mut parameters = Parameters::default();
    let encoder = Encoder::new(Config::of(&checkpoint.model), &mut parameters);
    let head = LanguageHead::new(tiny.hidden, tiny.vocabulary, &mut parameters);
    load(&encoder, &checkpoint.model, &mut parameters);
    load_dense(
        &head.pooler,
        checkpoint.model.pooler.as_ref().unwrap(),
        &mut parameters,
    );
    let places = [
        ("cls.predictions.bias", head.bias.clone()),
        (
            "cls.predictions.transform.dense.weight",
            head.transform.weight.clone(),
        ),
        (
            "cls.predictions.transform.dense.bias",
            head.transform.bias.clone(),
        ),
        (
            "cls.predictions.transform.LayerNorm.weight",
            head.norm.gamma.clone(),
        ),
        (
            "cls.predictions.transform.LayerNorm.bias",
            head.norm.beta.clone(),
        ),
        ("cls.seq_relationship.weight", head.next.weight.clone()),
        ("cls.seq_relationship.bias", head.next.bias.clone()),
    ];
    for (name, place) in &places {
        let weights = numbers(&golden, &format!("weight.{name}"), f32::from_le_bytes);
        parameters.values[place.clone()].copy_from_slice(&weights);
    }

    let [ids, labels, next] =
        ["ids", "labels", "next"].map(|name| numbers(&golden, name, i32::from_le_bytes));
    let mut batch = Batch::default();
    for ids in ids.chunks_exact(12) {
        let ids: Vec<u32> = ids.iter().map(|&id| id as u32).collect();
        batch.push(&ids, 7);
    }
    let numbered = labels.iter().enumerate().filter(|(_, label)| **label >= 0);
    let (masked, words): (Vec<usize>, Vec<Option<u32>>) = numbered
        .map(|(index, &label)| (index, Some(label as u32)))
        .unzip();
    let follows: Vec<Option<u32>> = next.iter().map(|&next| Some(next as u32)).collect();

    let (mut tape, mut kept) = (Tape::default(), LanguageTape::default());
    let (mut logits, mut dlogits) = (LanguageLogits::default(), LanguageLogits::default());
    let pass = encoder.pass(&parameters.values, &batch, DropoutRates::NONE);
    let embeddings = &encoder.embeddings;
    encoder.forward(&pass, &mut tape);
    head.forward(
        &pass,
        embeddings,
        tape.output(),
        &masked,
        &mut kept,
        &mut logits,
    );
    dlogits.words.resize(logits.words.len(), 0.0);
    dlogits.next.resize(logits.next.len(), 0.0);
    let (of_words, of_next) = (1.0 / words.len() as f32, 1.0 / follows.len() as f32);
    let vocabulary = tiny.vocabulary;
    let loss = f64::from(of_words)
        * cross_entropy(
            &logits.words,
            vocabulary,
            &words,
            None,
            of_words,
            &mut dlogits.words,
        )
        + f64::from(of_next)
            * cross_entropy(&logits.next, 2, &follows, None, of_next, &mut dlogits.next);
    let expected = numbers(&golden, "loss", f32::from_le_bytes)[0];
    assert!(
        (loss as f32 - expected).abs() < TOLERANCE,
        "{loss} {expected}"
    );

    let mut gradient = vec![0.0; pass.values.len()];
    let (_, states) = tape.gradient();
    head.backward(&pass, embeddings, &kept, &dlogits, states, &mut gradient);
    encoder.backward(&pass, &mut tape, &Injected::default(), &mut gradient);
    for (name, place) in places {
        let difference = difference(&golden, &format!("gradient.{name}"), &gradient[place]);
        assert!(difference < TOLERANCE, "{name}: {difference}");
    }
    for (name, tensor) in named(&float_model(&encoder, &gradient)) {
        let difference = difference(&golden, &format!("gradient.bert.{name}"), tensor);
        assert!(difference < TOLERANCE, "{name}: {difference}");
    }
}
