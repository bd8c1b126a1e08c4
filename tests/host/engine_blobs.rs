//! The committed tiny blobs are what the quantizer makes, and give what they gave.
//!
//! Run twice, `EMBERT_UPDATE=1 cargo test -p embert-tests engine_blobs` writes them
//! and then their outputs anew: after a change of the quantizer or of the arithmetic that was
//! meant.

use embert::{HeadKind, Model};
use embert_tests::blobs::{self, COMMITTED, Committed, INT4, JOINT, LOW_RANK, MEAN, POOLER, SPANS};
use embert_tests::readings::Setup;
use embert_tests::tiny::Flavour;
use embert_tools::checkpoint::{Checkpoint, HeadChoice, Pooling};
use embert_tools::quantize::{Options, Part, quantize};
use embert_tools::transform::factorize::factorize;
use std::fs;

fn quantized(committed: &Committed) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let tiny = &committed.tiny;
    tiny.write(folder.path(), Flavour::usual(tiny))?;
    let head = match committed.file {
        file if file == MEAN.file => Some(HeadChoice::Embedding(Pooling::Mean)),
        file if file == POOLER.file => Some(HeadChoice::Embedding(Pooling::Pooler)),
        _ => None,
    };
    let mut checkpoint = Checkpoint::open(folder.path(), head)?;
    if committed.file == LOW_RANK.file {
        factorize(&mut checkpoint, 17, &[])?;
    }
    let options = Options {
        about: format!("{}, random weights", committed.file),
        int4: match committed.file {
            file if file == INT4.file => Part::ALL.into(),
            file if file == LOW_RANK.file => vec![Part::Embeddings],
            _ => Vec::new(),
        },
        ..Options::default()
    };
    Ok(quantize(&checkpoint, &options, |_| {})?)
}

#[test]
fn the_committed_blobs_are_what_the_quantizer_makes() -> anyhow::Result<()> {
    for committed in COMMITTED {
        let blob = quantized(committed)?;
        if blobs::update() {
            fs::write(blobs::path(committed.file), &blob)?;
        } else {
            assert!(
                blob == committed.bytes,
                "{} differs: EMBERT_UPDATE=1 writes it anew",
                committed.file
            );
        }
    }
    Ok(())
}

/// Short and long, with words that exist and words that do not, and nothing at all.
const TEXTS: [&str; 5] = [
    "",
    "  \u{a0}\t ",
    "the king sings.",
    "Élan, naïve 中文 \u{1F600} qqqq",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z the end the end",
];

const QUESTION: &str = "who sings";

fn line(name: &str, bits: &[u32]) -> String {
    let bits: Vec<String> = bits.iter().map(|b| format!("{b:x}")).collect();
    format!("{name}: {}\n", bits.join(" "))
}

#[test]
fn outputs_are_bit_for_bit_what_they_were() -> anyhow::Result<()> {
    let mut lines = String::new();
    for (name, blob) in blobs::flavours() {
        let model = Model::parse(&blob)?;
        for (index, text) in TEXTS.iter().enumerate() {
            let bits = Setup::plain(&model).run(&model, text);
            lines += &line(&format!("{name} {index}"), &bits);
        }
        if model.shape().head == HeadKind::Spans {
            for (index, text) in TEXTS.iter().enumerate() {
                let bits = Setup::plain(&model).run_pair(&model, QUESTION, text);
                lines += &line(&format!("{name} asked {index}"), &bits);
            }
        }
    }
    let path = blobs::path("tiny_outputs.txt");
    if blobs::update() {
        fs::write(path, &lines)?;
        return Ok(());
    }
    let expected = fs::read_to_string(path)?;
    for (found, expected) in lines.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(lines.lines().count(), expected.lines().count());
    Ok(())
}

/// The same questions with no context, and a context alone.
#[test]
fn nothing_answers_where_there_is_no_context() -> anyhow::Result<()> {
    let blob = blobs::Aligned::copy(SPANS.bytes);
    let model = Model::parse(&blob)?;
    let mut scratch = blobs::Aligned::filled(embert::scratch_bytes(model.shape(), 16), 0);
    let mut engine = embert::Engine::new(&model, &mut scratch)?;
    for pair in [None, Some((QUESTION, "")), Some(("", "\u{a0}"))] {
        let reading = match pair {
            Some((question, context)) => engine.run_pair(question, context)?,
            None => engine.run(TEXTS[2])?,
        };
        let embert::Output::Answer { span, null_score } = reading.output else {
            panic!("another head");
        };
        assert!(span.is_none() && null_score.is_finite(), "{pair:?}");
    }
    Ok(())
}

#[test]
fn heads_give_what_they_promise() -> anyhow::Result<()> {
    for (name, blob) in blobs::flavours() {
        let model = Model::parse(&blob)?;
        let mut scratch = blobs::Aligned::filled(embert::scratch_bytes(model.shape(), 16), 0);
        let mut engine = embert::Engine::new(&model, &mut scratch)?;
        let reading = match model.shape().head {
            HeadKind::Spans => engine.run_pair(QUESTION, TEXTS[2])?,
            _ => engine.run(TEXTS[2])?,
        };
        match reading.output {
            embert::Output::Classes {
                probabilities,
                multi_label,
            } => {
                assert_eq!(multi_label, name == "multi-label");
                assert_eq!(probabilities.len(), model.labels().len());
                assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
                let sum: f32 = probabilities.iter().sum();
                assert!(multi_label || (sum - 1.0).abs() < 1e-6, "{sum}");
            }
            embert::Output::Tokens { labels, .. } => {
                let least = 1.0 / model.labels().len() as f32;
                assert!(labels.iter().all(|l| (least..=1.0).contains(&l.score)));
            }
            embert::Output::Embedding(vector) => {
                assert_eq!(vector.len(), model.shape().hidden);
                let squares: f32 = vector.iter().map(|v| v * v).sum();
                assert!((squares - 1.0).abs() < 1e-5, "{squares}");
            }
            embert::Output::Joint {
                probabilities,
                labels,
                ..
            } => {
                let (texts, tags) = (model.labels(), model.token_labels());
                assert!(texts.iter().eq(JOINT.tiny.intents.iter().copied()));
                assert!(tags.iter().eq(JOINT.tiny.labels.iter().copied()));
                assert_eq!(probabilities.len(), texts.len());
                let sum: f32 = probabilities.iter().sum();
                assert!((sum - 1.0).abs() < 1e-6, "{sum}");
                assert_eq!(labels.len(), reading.tokens.len());
                assert!(labels.iter().all(|l| (0.0..=1.0).contains(&l.score)));
                // No entity is gone on with that has not begun.
                let name = |label: &embert::TokenLabel| tags.name(label.label as usize);
                let mut before = "O";
                for label in labels {
                    let kind = name(label).strip_prefix("I-");
                    let valid = kind.is_none_or(|kind| before.get(2..) == Some(kind));
                    assert!(valid, "{} behind {before}", name(label));
                    before = name(label);
                }
            }
            embert::Output::Answer { span, .. } => {
                let span = span.expect("there is a context");
                assert!(TEXTS[2].get(span.start..span.end).is_some());
            }
        }
    }
    Ok(())
}
