//! Sentences that fidelity is measured on: 500 tweets of the Broad Twitter Corpus (CC BY 4.0) and
//! 500 sentences of UNER English EWT (CC BY-SA 4.0), spread evenly over their test splits.

use std::{fs, io, path::PathBuf};

/// Sentences taken of each corpus.
const EACH: usize = 500;

/// The 1,000 sentences, or `None`, said on stderr, where the corpora are not at hand: looked for
/// under `$EMBERT_SHARED/datasets`, or `../shared/datasets` beside the repository.
///
/// # Errors
/// Those of reading the corpora.
pub fn thousand() -> io::Result<Option<Vec<String>>> {
    let shared = std::env::var_os("EMBERT_SHARED").map_or_else(
        || crate::checkpoints::repository().join("../shared"),
        PathBuf::from,
    );
    let datasets = shared.join("datasets");
    if !datasets.exists() {
        eprintln!(
            "skipped: {} is not there; set EMBERT_SHARED",
            datasets.display()
        );
        return Ok(None);
    }
    let tweets = fs::read_to_string(datasets.join("btc/btc.test"))?;
    let web = fs::read_to_string(datasets.join("uner_ewt/en_ewt-ud-test.iob2"))?;
    let mut sentences = spread(joined(&tweets));
    sentences.extend(spread(stated(&web)));
    Ok(Some(sentences))
}

/// The sentences of a file of `token TAB label` lines, tokens joined by spaces.
fn joined(conll: &str) -> Vec<String> {
    let sentences = conll.split("\n\n").map(|sentence| {
        let tokens = sentence.lines().filter_map(|line| line.split('\t').next());
        tokens.collect::<Vec<_>>().join(" ")
    });
    sentences
        .filter(|sentence| !sentence.trim().is_empty())
        .collect()
}

/// The sentences that `# text =` lines state as they were written.
fn stated(conllu: &str) -> Vec<String> {
    let lines = conllu.lines();
    lines
        .filter_map(|line| line.strip_prefix("# text = "))
        .map(String::from)
        .collect()
}

fn spread(sentences: Vec<String>) -> Vec<String> {
    let count = sentences.len();
    (0..EACH)
        .map(|index| sentences[index * count / EACH].clone())
        .collect()
}
