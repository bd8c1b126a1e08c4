//! What is shipped in `weights/` is whole, and as its cards say.

use std::fs;

use anyhow::{Context, Result};
use embert::Model;
use embert_tests::blobs::Aligned;
use embert_tests::weights;

/// Bytes that a blob may have, as its name promises.
const LIMITS: [(&str, usize); 6] = [
    ("commands-en", 512 << 10),
    ("commands-en-256k", 256 << 10),
    ("entities-en", 2 << 20),
    ("pii-en", 4 << 20),
    ("sentiment-en", 1 << 20),
    ("sentiment-en-large", 4 << 20),
];

#[test]
fn blobs_are_whole_and_as_their_cards_say() -> Result<()> {
    for folder in weights::folders()? {
        let name = folder
            .file_name()
            .context("a folder")?
            .to_string_lossy()
            .into_owned();
        let bytes = fs::read(folder.join("model.embert"))?;
        let limit = LIMITS.iter().find(|(limited, _)| *limited == name);
        let (_, limit) = limit.with_context(|| format!("{name} has no limit here"))?;
        assert!(bytes.len() <= *limit, "{name}: {} bytes", bytes.len());

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
                "the card of {name} does not say {said:?}"
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
