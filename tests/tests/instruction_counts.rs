//! No kernel and no text takes more instructions than it did: QEMU counts them exactly.
//!
//! `EMBERT_UPDATE=1 cargo test -p embert-tests --test instruction_counts` writes the counts anew,
//! after a change that was meant. Another compiler may give a few more: a twentieth is allowed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use embert_tests::blobs;
use xtask::bench::limits::limit;
use xtask::bench::{Models, Row, measure};
use xtask::machine::Machine;

type Counts = BTreeMap<String, u64>;

fn name(row: &Row) -> String {
    format!("{}, {} {}", row.target, row.what, row.shape)
}

#[test]
fn no_kernel_takes_more_than_it_did() -> Result<()> {
    let path = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/snapshots/instructions.json"
    ));
    let models = Models::make()?;
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
        }
    }
    if blobs::update() {
        fs::write(path, serde_json::to_string_pretty(&counts)? + "\n")?;
        return Ok(());
    }
    let text = fs::read(path).with_context(|| path.display().to_string())?;
    let expected: Counts = serde_json::from_slice(&text)?;
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
