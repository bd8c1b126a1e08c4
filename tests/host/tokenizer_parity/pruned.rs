//! Pruned vocabularies: blobs tokenize as Hugging Face does with the `vocab.txt` beside them.

use std::fs;

use embert::Model;
use embert::text::Token;
use embert_tests::tiny::{self, Flavour, Tiny};
use embert_tools::blob::AlignedBytes;
use embert_tools::checkpoint::Checkpoint;
use embert_tools::quantize::{Options, quantize};
use embert_tools::transform::prune::{prune, vocab_txt};

use super::generated::Random;
use super::oracle::{Both, SPECIAL, small_vocabulary};

const CORPUS: [&str; 3] = [
    "The king and the queen would not come to the house.",
    "Unhappiness, tokenization: 1234 words [SEP] of the people\u{301}",
    "中文 and ünïcödé are all the same to me",
];

/// A checkpoint of the committed vocabulary.
fn checkpoint() -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let pieces = small_vocabulary();
    let tiny = Tiny {
        vocabulary: pieces.len(),
        positions: 512,
        ..tiny::TOKEN
    };
    tiny.write(folder.path(), Flavour::usual(&tiny)).unwrap();
    fs::write(folder.path().join("vocab.txt"), pieces.join("\n") + "\n").unwrap();
    Checkpoint::open(folder.path(), None).unwrap()
}

/// Pieces and spans of a text, by a blob.
fn cut(model: &Model<'_>, text: &str) -> Vec<(String, usize, usize)> {
    let mut tokens = vec![Token::default(); 4 * text.len() + 2];
    let encoding = model.tokenizer().encode(text, &mut tokens).unwrap();
    let piece = |id| model.tokenizer().vocabulary().piece(id).unwrap();
    tokens[..encoding.len]
        .iter()
        .map(|token| {
            (
                piece(token.id).to_string(),
                token.start as usize,
                token.end as usize,
            )
        })
        .collect()
}

#[test]
fn a_pruned_blob_cuts_texts_as_the_reference_does_with_its_vocab_txt() {
    let whole = checkpoint();
    let corpus = CORPUS.map(String::from);
    for minimum in [1, 2] {
        let mut pruned = whole.clone();
        prune(&mut pruned, &corpus, minimum).unwrap();
        let blob = quantize(&pruned, &Options::default(), |_| {}).unwrap();
        let blob = AlignedBytes::copy(&blob);
        let model = Model::parse(&blob).unwrap();

        let vocab_txt = vocab_txt(&pruned.tokenizer);
        let pieces: Vec<String> = vocab_txt.lines().map(String::from).collect();
        assert!(pieces.len() < whole.tokenizer.pieces.len());
        assert_eq!(pieces.len(), model.shape().vocabulary);
        let reference = Both::new(&pieces, &SPECIAL, 100).reference;

        let mut random = Random(0xC07);
        let texts = (0..2_000).map(|_| random.text()).chain(corpus.clone());
        for text in texts {
            let encoding = reference.encode(&*text, true).unwrap();
            let tokens = encoding.get_tokens().iter().cloned();
            let expected: Vec<_> = tokens
                .zip(encoding.get_offsets())
                .map(|(piece, &(start, end))| (piece, start, end))
                .collect();
            assert_eq!(cut(&model, &text), expected, "{text:?}");
        }
    }
}

#[test]
fn the_corpus_keeps_its_tokens_and_its_characters_and_those_of_ascii() {
    let whole = checkpoint();
    let mut pruned = whole.clone();
    prune(&mut pruned, &CORPUS.map(String::from), 1).unwrap();
    let [before, after] = [&whole, &pruned].map(|checkpoint| {
        AlignedBytes::copy(&quantize(checkpoint, &Options::default(), |_| {}).unwrap())
    });
    let [before, after] = [&before, &after].map(|blob| Model::parse(blob).unwrap());
    for text in CORPUS {
        assert_eq!(cut(&before, text), cut(&after, text));
    }
    assert_eq!(cut(&before, "after").len(), 3, "a word of its own");
    let spelt = cut(&after, "after");
    assert!(spelt.len() > 3 && spelt.iter().all(|(piece, ..)| piece != "[UNK]"));

    // A word of other characters is unknown.
    let has = |checkpoint: &Checkpoint, piece: &str| {
        let mut pieces = checkpoint.tokenizer.pieces.iter();
        pieces.any(|other| other == piece)
    };
    assert!(["z", "##z"].iter().all(|piece| has(&pruned, piece)));
    assert!(has(&whole, "¢") && !has(&pruned, "¢"));

    // Rows go with their pieces.
    let row = |checkpoint: &Checkpoint, piece: &str| {
        let pieces = &checkpoint.tokenizer.pieces;
        let id = pieces.iter().position(|other| other == piece).unwrap();
        let hidden = checkpoint.model.hidden;
        checkpoint.model.word_embeddings[id * hidden..][..hidden].to_vec()
    };
    for piece in &pruned.tokenizer.pieces {
        assert_eq!(row(&whole, piece), row(&pruned, piece), "{piece}");
    }
}
