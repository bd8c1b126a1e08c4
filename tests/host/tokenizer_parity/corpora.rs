//! 91 MB of real texts and real vocabularies, which are not part of the repository.

use std::io::Read;
use std::path::Path;

use embert::text::Normalizer;
use embert_tests::{checkpoints, depth};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

use super::oracle::{Both, CASED, SPECIAL, UNCASED};

/// The checkpoints with the vocabularies that are compared.
const CHECKPOINTS: [&str; 3] = ["rxnfp", "rampart-MiniLM-L6-pii-ner", "all-MiniLM-L6-v2"];

#[test]
fn corpora_are_tokenized_as_by_the_reference() {
    let Some(archive) = checkpoints::dataset("text_corpora.tar.gz") else {
        return;
    };
    let folders = CHECKPOINTS.map(checkpoints::find);
    let files = texts(&archive);
    // Quick tests read every 64th file and line.
    let step = depth::pick(64, 1);
    let compare = &|folder: &Path, normalizer| {
        let mut both = tokenizer_of(folder);
        both.set_normalizer(normalizer);
        let lines = files.iter().flat_map(|file| file.lines());
        compare_all(&both, normalizer, "by line", lines.step_by(step));
        let files = files.iter().map(String::as_str);
        compare_all(&both, normalizer, "by file", files.step_by(step));
    };
    // A thread for each: all of it is a thousand megabytes.
    std::thread::scope(|scope| {
        for folder in folders.iter().flatten() {
            for normalizer in [UNCASED, CASED] {
                scope.spawn(move || compare(folder, normalizer));
            }
        }
    });
}

/// Compares all texts, and prints how many there are.
fn compare_all<'a>(
    both: &Both,
    normalizer: Normalizer,
    kind: &str,
    texts: impl Iterator<Item = &'a str>,
) {
    let (mut count, mut bytes, mut tokens, mut differences) = (0, 0, 0, Vec::new());
    for text in texts {
        match both.compare(text) {
            Ok(len) => tokens += len,
            Err(difference) => differences.push(difference),
        }
        (count, bytes) = (count + 1, bytes + text.len());
    }
    println!(
        "{:>6} pieces, {}, {kind}: {count} texts, {bytes} bytes, {tokens} tokens, {} differences",
        both.reference.get_vocab_size(true),
        if normalizer.lowercase {
            "uncased"
        } else {
            "cased"
        },
        differences.len(),
    );
    assert!(differences.is_empty(), "{}", differences[0]);
    let least = depth::pick(500_000, 50_000_000);
    assert!(bytes > least, "too little text: {bytes} bytes");
}

/// The files of the archive; invalid UTF-8 becomes replacement characters.
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

/// Both tokenizers of a checkpoint.
fn tokenizer_of(folder: &Path) -> Both {
    let json = folder.join("tokenizer.json");
    Both::of(if json.exists() {
        tokenizers::Tokenizer::from_file(json).unwrap()
    } else {
        from_vocab(&folder.join("vocab.txt"))
    })
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
