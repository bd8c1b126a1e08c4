//! No kernel and no text takes more instructions than it did: QEMU counts them exactly.
//!
//! `EMBERT_UPDATE=1 cargo test -p embert-tests --test instruction_counts` writes the counts anew,
//! after a change that was meant. Another compiler may give a few more: a twentieth is allowed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use embert::Model;
use embert_tests::blobs;
use embert_tools::analyze::costs::{AROUND, Costs};
use embert_tools::analyze::trace::{Trace, trace};
use embert_tools::blob::AlignedBytes;
use xtask::bench::limits::limit;
use xtask::bench::{Models, Row, measure};
use xtask::machine::Machine;

type Counts = BTreeMap<String, u64>;

/// How far a prediction may be from the count.
const DEVIATION: f64 = 0.03;

fn name(row: &Row) -> String {
    format!("{}, {} {}", row.target, row.what, row.shape)
}

/// What the texts ask of the kernels, by their names in the counts. Predictions leave out what int4
/// takes between its kernels, to bring their results together.
fn texts(models: &Models) -> Result<Vec<(String, usize, Trace)>> {
    let mut texts = Vec::new();
    let int8 = models.all().iter().filter(|model| !model.shape.has_int4);
    for model in int8 {
        let blob = AlignedBytes::copy(&fs::read(&model.path)?);
        for &tokens in model.tokens {
            let name = format!("{} S{tokens}", model.name);
            let tokens = tokens as usize;
            texts.push((name, tokens, trace(&Model::parse(&blob)?, tokens)?));
        }
    }
    Ok(texts)
}

/// Adds what `target` takes around its kernels to what they take.
fn around(target: &str, texts: &[(String, usize, Trace)], counts: &mut Counts) {
    let counted = |text| counts[&format!("{target}, text {text}")] as f64;
    let [(more, tokens, long), (less, _, short)] = texts else {
        panic!("there are two texts");
    };
    let texts = [(long, counted(more)), (short, counted(less))];
    let prices = Costs::from_counts(counts, target).around(texts, *tokens);
    for (name, price) in AROUND.iter().zip(prices) {
        counts.insert(format!("{target}, {name}"), price as u64);
    }
}

/// Target, text and instructions, for all targets in `counts`.
fn predictions<'a>(
    counts: &'a Counts,
    texts: &'a [(String, usize, Trace)],
) -> impl Iterator<Item = (&'a str, &'a str, f64)> {
    let targets = counts.keys().filter_map(|name| name.strip_suffix(", call"));
    targets.flat_map(move |target| {
        let costs = Costs::from_counts(counts, target);
        texts.iter().map(move |(text, tokens, trace)| {
            let works = trace.iter();
            let works = works.map(|(&(_, operation, depth), &w)| costs.work(operation, depth, w));
            (
                target,
                text.as_str(),
                works.sum::<f64>() + costs.tokens(*tokens),
            )
        })
    })
}

#[test]
fn no_kernel_takes_more_than_it_did() -> Result<()> {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../host-tools/src/analyze/instructions.json"
    ));
    let models = Models::make()?;
    let texts = texts(&models)?;
    let mut counts = Counts::new();
    let mut over = Vec::new();
    for machine in Machine::ALL {
        for set in machine.sets() {
            for row in measure(machine, set, &models)? {
                // Parts of a text are counted coarsely, a call at a time.
                if row.what.starts_with("text: ") {
                    continue;
                }
                if limit(&row).is_some_and(|limit| !limit.holds(&row)) {
                    over.push(format!("{}: past its limit", name(&row)));
                }
                counts.insert(name(&row), row.instructions.unwrap_or_default());
            }
            around(&format!("{} {set}", machine.name()), &texts, &mut counts);
        }
    }
    if blobs::update() {
        fs::write(path, serde_json::to_string_pretty(&counts)? + "\n")?;
        return Ok(());
    }
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    let expected: Counts = serde_json::from_slice(&text)?;
    for (target, text, predicted) in predictions(&expected, &texts) {
        let counted = expected[&format!("{target}, text {text}")] as f64;
        if (predicted / counted - 1.0).abs() > DEVIATION {
            over.push(format!(
                "{target}, {text}: {predicted} instructions predicted"
            ));
        }
    }
    for (name, &found) in &counts {
        match expected.get(name) {
            Some(&count) if found <= count + count / 20 => {}
            Some(count) => over.push(format!("{name}: {found} instructions, not {count}")),
            None => over.push(format!("{name}: {found} instructions, and none on record")),
        }
    }
    assert!(over.is_empty(), "{}", over.join("\n"));
    assert_eq!(expected.len(), counts.len(), "other figures on record");
    Ok(())
}
