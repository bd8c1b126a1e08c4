//! The models in `weights/`: the files are intact, match their cards, and give the recorded answers.
//!
//! `EMBERT_UPDATE=1 cargo test -p embert-tests weights` records the answers anew, after a change of
//! the models or of the arithmetic that was meant.

use std::fs;

use anyhow::{Context, Result, ensure};
use embert::{Engine, Model, scratch_bytes};
use embert_tests::blobs::{self, Aligned};
use embert_tests::weights;
use embert_tools::report::{Outcome, Report};

/// A shipped model.
struct Shipped {
    name: &'static str,
    /// The most bytes that the blob may have, as its name promises.
    bytes: usize,
    /// The least accuracy of text labels on its sample, where it has them.
    accuracy: f64,
    /// The least F1 of whole entities on its sample, where it has them.
    f1: f64,
}

const SHIPPED: [Shipped; 6] = [
    Shipped {
        name: "commands-en",
        bytes: 512 << 10,
        accuracy: 0.94,
        f1: 0.9,
    },
    Shipped {
        name: "commands-en-256k",
        bytes: 256 << 10,
        accuracy: 0.94,
        f1: 0.88,
    },
    Shipped {
        name: "entities-en",
        bytes: 2 << 20,
        accuracy: 0.0,
        f1: 0.65,
    },
    Shipped {
        name: "pii-en",
        bytes: 4 << 20,
        accuracy: 0.0,
        f1: 0.8,
    },
    Shipped {
        name: "sentiment-en",
        bytes: 1 << 20,
        accuracy: 0.7,
        f1: 0.0,
    },
    Shipped {
        name: "sentiment-en-large",
        bytes: 4 << 20,
        accuracy: 0.7,
        f1: 0.0,
    },
];

fn shipped(name: &str) -> Result<&'static Shipped> {
    let found = SHIPPED.iter().find(|shipped| shipped.name == name);
    found.with_context(|| format!("{name} is not among those that are tested"))
}

#[test]
fn blobs_are_intact_and_match_their_cards() -> Result<()> {
    for folder in weights::folders()? {
        let name = folder
            .file_name()
            .context("a folder")?
            .to_string_lossy()
            .into_owned();
        let bytes = fs::read(folder.join("model.embert"))?;
        let limit = shipped(&name)?.bytes;
        assert!(bytes.len() <= limit, "{name}: {} bytes", bytes.len());

        let bytes = Aligned::copy(&bytes);
        let model = Model::parse(&bytes)?;
        let (checked, checksum) = model.checksummed();
        assert_eq!(
            crc32fast::hash(checked),
            checksum,
            "{name}: the checksum is wrong"
        );
        let card = fs::read_to_string(folder.join("README.md"))?;
        for said in [
            format!("{} bytes", with_commas(bytes.len())),
            format!("{checksum:08x}"),
            "recipe.sh".to_owned(),
        ] {
            assert!(
                card.contains(&said),
                "{said:?} is not in the card of {name}"
            );
        }
        assert!(folder.join("recipe.sh").exists(), "{name} has no recipe");
    }
    Ok(())
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits"))
        .collect();
    groups.join(",")
}

/// A text label where there is one, then entities as `KIND:START-END`: how samples write answers.
fn answer(report: &Report) -> Result<String> {
    let (label, entities) = match &report.result {
        Outcome::SequenceClassification { labels } => (labels.first(), &[][..]),
        Outcome::TokenClassification { entities, .. } => (None, &entities[..]),
        Outcome::Joint {
            labels, entities, ..
        } => (labels.first(), &entities[..]),
        _ => anyhow::bail!("no shipped model has this head"),
    };
    let label = label.map(|label| label.label.clone());
    let entities = entities
        .iter()
        .map(|entity| format!("{}:{}-{}", entity.label, entity.start, entity.end));
    let words: Vec<String> = label.into_iter().chain(entities).collect();
    Ok(words.join(" "))
}

/// Counts over a sample.
#[derive(Debug, Default)]
struct Score {
    texts: usize,
    right_labels: usize,
    expected: usize,
    found: usize,
    right: usize,
}

impl Score {
    fn add(&mut self, expected: &str, found: &str) {
        let is_entity = |word: &&str| word.contains(':');
        let [expected, found] = [expected, found].map(|answer| {
            let (entities, labels): (Vec<&str>, Vec<&str>) = answer
                .split(' ')
                .filter(|word| !word.is_empty())
                .partition(is_entity);
            (entities, labels)
        });
        self.texts += 1;
        self.right_labels += usize::from(expected.1 == found.1);
        self.expected += expected.0.len();
        self.found += found.0.len();
        self.right += found.0.iter().filter(|e| expected.0.contains(e)).count();
    }

    fn accuracy(&self) -> f64 {
        self.right_labels as f64 / self.texts as f64
    }

    /// Of whole entities; 1 where there are none.
    fn f1(&self) -> f64 {
        match self.expected + self.found {
            0 => 1.0,
            sum => 2.0 * self.right as f64 / sum as f64,
        }
    }
}

/// Every model gives the recorded answers on its sample of about 50 texts, and those reach a score.
/// `tests/data/samples/make.py` names the sources.
#[test]
fn samples_give_the_recorded_answers_and_scores() -> Result<()> {
    for shipped in &SHIPPED {
        let name = shipped.name;
        let path = blobs::path(&format!("samples/{name}.tsv"));
        let sample = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let folder = weights::folders()?.into_iter().find(|f| f.ends_with(name));
        let blob = fs::read(folder.context(name)?.join("model.embert"))?;
        let blob = Aligned::copy(&blob);
        let model = Model::parse(&blob)?;
        let mut scratch = Aligned::filled(scratch_bytes(model.shape(), model.shape().positions), 0);
        let mut engine = Engine::new(&model, &mut scratch)?;
        let (mut score, mut lines) = (Score::default(), String::new());
        for line in sample.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let &[text, expected, recorded] = &fields[..] else {
                ensure!(line.starts_with("# "), "{name}: {line:?}");
                lines += &format!("{line}\n");
                continue;
            };
            let found = answer(&Report::read(&mut engine, text, false)?)?;
            if !blobs::update() {
                assert_eq!(found, recorded, "{name}: {text}");
            }
            score.add(expected, &found);
            lines += &format!("{text}\t{expected}\t{found}\n");
        }
        if blobs::update() {
            fs::write(&path, lines)?;
        }
        println!(
            "{name}: {:.3}, {:.3} {score:?}",
            score.accuracy(),
            score.f1()
        );
        assert!(score.texts >= 40, "{name}: {score:?}");
        assert!(score.accuracy() >= shipped.accuracy, "{name}: {score:?}");
        assert!(score.f1() >= shipped.f1, "{name}: {score:?}");
    }
    Ok(())
}
