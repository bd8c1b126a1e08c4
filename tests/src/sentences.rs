//! Sentences that fidelity is measured on: 500 tweets of the Broad Twitter Corpus (CC BY 4.0) and
//! 500 sentences of UNER English EWT (CC BY-SA 4.0), spread evenly over their test splits.

use std::{fs, io};

use crate::checkpoints::dataset;

/// Sentences taken of each corpus.
const EACH: usize = 500;

/// The 1,000 sentences; `None`, and recorded as not run, if the corpora are missing.
///
/// # Errors
/// Those of reading the corpora.
pub fn thousand() -> io::Result<Option<Vec<String>>> {
    let (Some(tweets), Some(web)) = (dataset("btc"), dataset("uner_ewt")) else {
        return Ok(None);
    };
    let tweets = fs::read_to_string(tweets.join("btc.test"))?;
    let web = fs::read_to_string(web.join("en_ewt-ud-test.iob2"))?;
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
