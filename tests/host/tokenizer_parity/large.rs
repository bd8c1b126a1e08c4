//! Megabytes of text that need no download: the repository's own, and sentences made from
//! vocabularies.

use std::fs;
use std::path::Path;

use embert::Model;
use embert_tests::blobs::Aligned;
use embert_tests::checkpoints::repository;
use embert_tests::depth;

use super::generated::Random;
use super::oracle::{Both, CASED, SPECIAL, UNCASED, small_vocabulary};

/// Folders of the repository whose texts are read.
const FOLDERS: [&str; 5] = ["core", "host-tools", "firmware", "tests", "weights"];
const EXTENSIONS: [&str; 6] = ["rs", "md", "py", "sh", "txt", "toml"];

/// The shipped model with the largest vocabulary.
const SHIPPED: &str = "weights/pii-en/model.embert";

/// The pieces of rampart-MiniLM-L6-pii-ner, in the order of that checkpoint.
fn rampart_vocabulary() -> Vec<String> {
    let path = repository().join("tests/xtask/src/bench/vocabulary.txt");
    let pieces = fs::read_to_string(path).unwrap();
    pieces.lines().map(String::from).collect()
}

/// The pieces of a shipped blob, in its order.
fn shipped_vocabulary() -> Vec<String> {
    let blob = Aligned::copy(&fs::read(repository().join(SHIPPED)).unwrap());
    let model = Model::parse(&blob).unwrap();
    let vocabulary = model.tokenizer().vocabulary();
    let pieces = (0..vocabulary.len() as u32).map(|id| vocabulary.piece(id).unwrap().to_string());
    pieces.collect()
}

/// Both tokenizers for each vocabulary, with its pieces.
fn vocabularies() -> Vec<(Both, Vec<String>)> {
    let all = [
        small_vocabulary(),
        rampart_vocabulary(),
        shipped_vocabulary(),
    ];
    let both = |pieces: Vec<String>| {
        let mut special = SPECIAL.to_vec();
        special.retain(|token| pieces.iter().any(|piece| piece == token));
        (Both::new(&pieces, &special, 100), pieces)
    };
    all.into_iter().map(both).collect()
}

/// Compares every text, cased and uncased; the number of tokens.
fn compare_all<'a>(both: &mut Both, texts: impl Iterator<Item = &'a str> + Clone) -> usize {
    let mut tokens = 0;
    for normalizer in [UNCASED, CASED] {
        both.set_normalizer(normalizer);
        for text in texts.clone() {
            tokens += both.compare(text).unwrap_or_else(|d| panic!("{d}"));
        }
    }
    tokens
}

/// Adds the texts of a folder, sorted by name.
fn read_folder(folder: &Path, texts: &mut Vec<String>) {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            // Built files, and those of tools, are not the repository's.
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name != "target" && !name.starts_with('.') {
                read_folder(&path, texts);
            }
        } else if let Some(extension) = path.extension()
            && EXTENSIONS.iter().any(|known| extension == *known)
        {
            texts.push(fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn texts_of_the_repository_are_tokenized_as_by_the_reference() {
    let mut texts = Vec::new();
    for folder in FOLDERS {
        read_folder(&repository().join(folder), &mut texts);
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    assert!(bytes > 1_000_000, "{bytes} bytes of text");
    for (mut both, pieces) in vocabularies() {
        let files = texts.iter().map(String::as_str);
        let tokens = compare_all(&mut both, files);
        println!("{} pieces: {tokens} tokens", pieces.len());
    }
}

/// Sentences of words that take one piece or several, in usual and unusual spellings.
struct Sentences<'a> {
    random: Random,
    first: Vec<&'a str>,
    continuing: Vec<&'a str>,
}

impl<'a> Sentences<'a> {
    fn new(pieces: &'a [String], seed: u64) -> Self {
        let pieces = pieces.iter().map(String::as_str);
        let (continuing, first): (Vec<&str>, Vec<&str>) =
            pieces.partition(|piece| piece.len() > 2 && piece.starts_with("##"));
        Self {
            random: Random(seed),
            first,
            continuing,
        }
    }

    /// Adds a word.
    fn word(&mut self, sentence: &mut String) {
        let random = &mut self.random;
        let mut word = self.first[random.below(self.first.len())].to_owned();
        for _ in 0..[0, 0, 1, 2, 5][random.below(5)] {
            word += &self.continuing[random.below(self.continuing.len())][2..];
        }
        match random.below(24) {
            0..=3 => {
                let mut chars = word.chars();
                sentence.extend(chars.next().into_iter().flat_map(char::to_uppercase));
                sentence.push_str(chars.as_str());
            }
            4 => sentence.push_str(&word.to_uppercase()),
            // An accent behind one of its characters.
            5 => {
                let at = random.below(1 + word.chars().count());
                sentence.extend(word.chars().take(at));
                sentence.push(['\u{301}', '\u{308}', '\u{327}'][random.below(3)]);
                sentence.extend(word.chars().skip(at));
            }
            6 => *sentence += &random.below(1_000_000).to_string(),
            7 => *sentence += &random.text(),
            _ => sentence.push_str(&word),
        }
    }

    fn next(&mut self) -> String {
        let mut sentence = String::new();
        for _ in 0..4 + self.random.below(28) {
            self.word(&mut sentence);
            let mark = [
                " ", " ", " ", " ", " ", " ", ", ", ". ", "-", "'s ", "\n", " (",
            ];
            sentence += mark[self.random.below(mark.len())];
        }
        sentence
    }
}

#[test]
fn sentences_from_vocabularies_are_tokenized_as_by_the_reference() {
    let wanted = depth::pick(2_000_000, 8_000_000);
    for (index, (mut both, pieces)) in vocabularies().into_iter().enumerate() {
        let mut sentences = Sentences::new(&pieces, 0x5E47 + index as u64);
        let (mut texts, mut bytes) = (Vec::new(), 0);
        while bytes < wanted {
            texts.push(sentences.next());
            bytes += texts[texts.len() - 1].len();
        }
        let tokens = compare_all(&mut both, texts.iter().map(String::as_str));
        println!("{} pieces: {bytes} bytes, {tokens} tokens", pieces.len());
    }
}
