//! Real texts and real vocabularies. They are not part of the repository: the test runs where
//! `EMBERT_SHARED` names the folder with `datasets/text_corpora.tar.gz` and `EMBERT_CHECKPOINTS`
//! one that holds checkpoints, at any depth.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use embert::text::{Normalizer, Token};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

use super::oracle::{Both, CASED, SPECIAL, UNCASED};

#[test]
fn corpora_are_tokenized_as_by_the_reference() {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let (Some(shared), Some(checkpoints)) = (folder("EMBERT_SHARED"), folder("EMBERT_CHECKPOINTS"))
    else {
        eprintln!("SKIPPED: EMBERT_SHARED and EMBERT_CHECKPOINTS are not both set");
        return;
    };
    let files = texts(&shared.join("datasets/text_corpora.tar.gz"));
    let tokenizers = find_tokenizers(&checkpoints);
    let sizes: Vec<usize> = tokenizers
        .iter()
        .map(|both| both.reference.get_vocab_size(true))
        .collect();
    assert_eq!(
        sizes,
        [591, 19_730, 30_522],
        "the vocabularies under {}",
        checkpoints.display()
    );

    for mut both in tokenizers {
        for normalizer in [UNCASED, CASED] {
            both.set_normalizer(normalizer);
            report(
                &both,
                normalizer,
                "by line",
                files.iter().flat_map(|file| file.lines()),
            );
            report(
                &both,
                normalizer,
                "by file",
                files.iter().map(String::as_str),
            );
        }
    }
}

fn report<'a>(
    both: &Both,
    normalizer: Normalizer,
    kind: &str,
    texts: impl Iterator<Item = &'a str>,
) {
    let (mut count, mut bytes, mut tokens, mut differences) = (0, 0, 0, Vec::new());
    let mut time = Duration::ZERO;
    let mut out = Vec::new();
    let ours = both.ours();
    for text in texts {
        match both.compare(text) {
            Ok(len) => tokens += len,
            Err(difference) => differences.push(difference),
        }
        out.resize(text.len() + 2, Token::default());
        let start = Instant::now();
        std::hint::black_box(ours.encode(text, &mut out).unwrap());
        time += start.elapsed();
        (count, bytes) = (count + 1, bytes + text.len());
    }
    println!(
        "{:>6} pieces, {}, {kind}: {count} texts, {bytes} bytes, {tokens} tokens, {} differences, {:.1} MB/s",
        both.reference.get_vocab_size(true),
        if normalizer.lowercase {
            "uncased"
        } else {
            "cased"
        },
        differences.len(),
        bytes as f64 / 1e6 / time.as_secs_f64(),
    );
    assert!(differences.is_empty(), "{}", differences[0]);
    assert!(bytes > 50_000_000, "too little text: {bytes} bytes");
}

/// The files of the archive; what is not UTF-8 is read with replacement characters.
fn texts(archive: &Path) -> Vec<String> {
    let file = std::fs::File::open(archive).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let texts = archive.entries().unwrap().map(|entry| {
        let mut bytes = Vec::new();
        entry.unwrap().read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    });
    texts.filter(|text| !text.is_empty()).collect()
}

/// One tokenizer for each size of vocabulary, the smallest first.
fn find_tokenizers(folder: &Path) -> Vec<Both> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap());
        folders.extend(
            entries
                .filter(|e| e.file_type().unwrap().is_dir())
                .map(|e| e.path()),
        );
        let (json, vocab) = (folder.join("tokenizer.json"), folder.join("vocab.txt"));
        if json.exists() {
            found.push(Both::of(tokenizers::Tokenizer::from_file(json).unwrap()));
        } else if vocab.exists() {
            found.push(Both::of(from_vocab(&vocab)));
        }
    }
    found.sort_by_key(|both| both.reference.get_vocab_size(true));
    found.dedup_by_key(|both| both.reference.get_vocab_size(true));
    found
}

/// As `transformers` does for a checkpoint without a `tokenizer.json`.
fn from_vocab(path: &Path) -> tokenizers::Tokenizer {
    let model = WordPiece::from_file(path.to_str().unwrap())
        .build()
        .unwrap();
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer
        .add_special_tokens(SPECIAL.map(|token| tokenizers::AddedToken::from(token, true)))
        .unwrap();
    tokenizer.with_pre_tokenizer(Some(BertPreTokenizer));
    let [cls, sep] =
        ["[CLS]", "[SEP]"].map(|token| (token.to_owned(), tokenizer.token_to_id(token).unwrap()));
    tokenizer.with_post_processor(Some(BertProcessing::new(sep, cls)));
    tokenizer
}
