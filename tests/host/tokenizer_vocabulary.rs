//! Vocabulary sections, whole and broken: whatever the bytes, parsing ends in an error or in a
//! vocabulary that works within its bounds.

use embert::text::{
    EncodeError, MAX_WORD_CHARS, Normalizer, Token, Tokenizer, TokenizerError, TokenizerParts,
    Vocabulary, VocabularyError,
};
use embert_tools::blob::vocabulary::{AddedToken, Section, VocabularyBuildError, build};
use proptest::prelude::*;

const PIECES: [&str; 16] = [
    "[UNK]", "[CLS]", "[SEP]", "", "un", "##able", "unable", "##", "a", "##a", "a", "é", "##é",
    "hi there", "new", "##ab",
];
/// `[UNK]`, `[CLS]`, `[SEP]`, and `new`, which the model does not know.
const ADDED: [AddedToken; 4] = [
    AddedToken {
        id: 0,
        in_model: true,
    },
    AddedToken {
        id: 1,
        in_model: true,
    },
    AddedToken {
        id: 2,
        in_model: true,
    },
    AddedToken {
        id: 14,
        in_model: false,
    },
];
const TEXT: &str = "unable UNABLE ununable [SEP] hi there new NEW aé a\u{1D15E}\u{302E} # ##";

const UNCASED: Normalizer = Normalizer {
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: true,
    lowercase: true,
};

fn parts(vocabulary: Vocabulary) -> TokenizerParts {
    TokenizerParts {
        vocabulary,
        normalizer: UNCASED,
        cls: 1,
        sep: 2,
        unk: 0,
        max_word_chars: 100,
    }
}

fn section() -> Section {
    build(&PIECES, &ADDED).unwrap()
}

fn pieces_of(section: &Section, text: &str) -> Vec<&'static str> {
    let vocabulary = Vocabulary::parse(&section.bytes).unwrap();
    let tokenizer = Tokenizer::new(TokenizerParts {
        cls: section.id(1),
        sep: section.id(2),
        unk: section.id(0),
        ..parts(vocabulary)
    });
    let mut out = [Token::default(); 64];
    let encoding = tokenizer.unwrap().encode(text, &mut out).unwrap();
    out[1..encoding.len - 1]
        .iter()
        .map(|token| PIECES[section.order[token.id as usize] as usize])
        .collect()
}

#[test]
fn every_id_has_its_piece_and_every_piece_its_last_id() {
    let section = section();
    let vocabulary = Vocabulary::parse(&section.bytes).unwrap();
    assert_eq!(vocabulary.len(), PIECES.len());
    for (index, piece) in (0..).zip(PIECES) {
        let found = vocabulary.piece(section.id(index)).unwrap();
        assert_eq!(found.to_string(), piece);
    }
    assert!(vocabulary.piece(16).is_none());
    let index = |id: u32| section.order[id as usize];
    let index_of = |piece| vocabulary.id_of(piece).map(index);
    assert_eq!(index_of("a"), Some(10));
    assert_eq!(index_of("##a"), Some(9));
    assert_eq!(index_of("##"), Some(7));
    assert_eq!(index_of(""), None);
    assert_eq!(index_of("una"), None);
    assert_eq!(index_of("new"), None);
    let longest = |continuing, word| {
        let found = vocabulary.longest_prefix(continuing, word);
        found.map(|(id, length)| (index(id), length))
    };
    assert_eq!(longest(false, b"unables"), Some((6, 6)));
    assert_eq!(longest(true, b"abl"), Some((15, 2)));
    assert_eq!(longest(false, b"zebra"), None);
}

/// Whether every piece of a vocabulary is found at its own id, and read back from there.
fn check_whole(pieces: &[String]) {
    let section = build(pieces, &[]).unwrap();
    let vocabulary = Vocabulary::parse(&section.bytes).unwrap();
    for (id, &index) in (0..).zip(&section.order) {
        let piece = &pieces[index as usize];
        assert_eq!(vocabulary.piece(id).unwrap().to_string(), *piece);
        let known = !piece.is_empty() && piece.chars().count() <= MAX_WORD_CHARS;
        assert_eq!(vocabulary.id_of(piece), known.then_some(id), "{piece:?}");
    }
}

#[test]
fn trees_of_every_width_and_depth_are_searched() {
    // Few strings below many bytes, many below few, and either past what a byte holds.
    check_whole(&["x".repeat(MAX_WORD_CHARS), "y".into()].map(String::from));
    check_whole(&(0..70_000).map(|n| format!("{n}")).collect::<Vec<_>>());
    check_whole(
        &('!'..'\u{3000}')
            .map(|c| format!("##{c}{c}"))
            .collect::<Vec<_>>(),
    );
    check_whole(&[MAX_WORD_CHARS + 1, 3, 0].map(|length| "é".repeat(length)));
}

#[test]
fn an_added_token_outside_the_model_is_found_in_raw_text_only() {
    let section = section();
    assert_eq!(pieces_of(&section, "new [SEP]"), ["new", "[SEP]"]);
    assert_eq!(
        pieces_of(&section, "NEW [sep]"),
        ["[UNK]", "[UNK]", "[UNK]", "[UNK]"]
    );
}

#[test]
fn pieces_that_make_no_section_are_refused() {
    assert_eq!(build(&[""; 0], &[]), Err(VocabularyBuildError::Empty));
    let empty = AddedToken {
        id: 3,
        in_model: true,
    };
    assert_eq!(
        build(&PIECES, &[empty]),
        Err(VocabularyBuildError::AddedToken(3))
    );
    let missing = AddedToken {
        id: 16,
        in_model: true,
    };
    assert_eq!(
        build(&PIECES, &[missing]),
        Err(VocabularyBuildError::AddedToken(16))
    );
    let huge = "x".repeat(1 << 24);
    assert_eq!(build(&[huge], &[]), Err(VocabularyBuildError::TooLarge));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let section = section().bytes;
    let good = parts(Vocabulary::parse(&section).unwrap());
    let error = |parts| Tokenizer::new(parts).err();
    assert_eq!(error(good), None);
    assert_eq!(
        error(TokenizerParts { cls: 16, ..good }),
        Some(TokenizerError::SpecialToken)
    );
    assert_eq!(
        error(TokenizerParts { sep: 16, ..good }),
        Some(TokenizerError::SpecialToken)
    );
    assert_eq!(
        error(TokenizerParts { unk: 16, ..good }),
        Some(TokenizerError::SpecialToken)
    );
    let longest = TokenizerParts {
        max_word_chars: MAX_WORD_CHARS,
        ..good
    };
    assert_eq!(error(longest), None);
    let longer = TokenizerParts {
        max_word_chars: MAX_WORD_CHARS + 1,
        ..good
    };
    assert_eq!(error(longer), Some(TokenizerError::MaxWordChars));

    let tokenizer = Tokenizer::new(good).unwrap();
    let mut out = [Token::default(); 3];
    assert_eq!(
        tokenizer.encode("a", &mut out[..1]),
        Err(EncodeError::NoRoom)
    );
    assert_eq!(
        tokenizer.encode_pair("a", "a", &mut out[..2]),
        Err(EncodeError::NoRoom)
    );
    assert_eq!(tokenizer.encode_pair("", "", &mut out).unwrap().len, 3);
}

/// Uses a section in every way, if it parses.
fn exercise(section: &[u8]) -> Result<(), VocabularyError> {
    let vocabulary = Vocabulary::parse(section)?;
    for id in 0..=vocabulary.len() as u32 {
        let piece = vocabulary.piece(id);
        assert_eq!(piece.is_some(), id < vocabulary.len() as u32);
        let written = piece.map(|piece| piece.to_string()).unwrap_or_default();
        assert!(written.len() <= 3 * section.len());
    }
    let Ok(tokenizer) = Tokenizer::new(parts(vocabulary)) else {
        return Ok(());
    };
    for limit in [3, 6, 64] {
        let mut out = [Token {
            id: u32::MAX,
            start: u32::MAX,
            end: u32::MAX,
        }; 64];
        for encoding in [
            tokenizer.encode(TEXT, &mut out[..limit]),
            tokenizer.encode_pair(TEXT, TEXT, &mut out[..limit]),
        ] {
            let tokens = &out[..encoding.unwrap().len];
            for token in tokens {
                assert!(vocabulary.piece(token.id).is_some(), "{token:?}");
                assert!(
                    TEXT.get(token.start as usize..token.end as usize).is_some(),
                    "{token:?}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn every_cut_of_a_section_is_an_error() {
    let section = section().bytes;
    exercise(&section).unwrap();
    for len in 0..section.len() {
        assert!(exercise(&section[..len]).is_err(), "{len}");
    }
    assert_eq!(
        exercise(&[&section[..], &[0]].concat()),
        Err(VocabularyError::Bounds)
    );
}

#[test]
fn every_corrupt_byte_is_an_error_or_harmless() {
    let section = section().bytes;
    let mut errors = std::collections::HashSet::new();
    for at in 0..section.len() {
        let flips = (0..8).map(|bit| section[at] ^ 1 << bit);
        for value in flips.chain([0, 1, 255]) {
            let mut corrupt = section.clone();
            corrupt[at] = value;
            if let Err(error) = exercise(&corrupt) {
                errors.insert(format!("{error:?}"));
            }
        }
    }
    // Every check is met on the way.
    let expected = ["Length", "Count", "Tree", "Id", "Bounds", "Utf8"];
    let expected = expected.into_iter().map(String::from);
    assert_eq!(errors, expected.collect());
}

proptest! {
    #[test]
    fn any_bytes_are_an_error_or_harmless(
        pieces in 1u32..12,
        strings in prop::array::uniform3(0u32..4),
        trees in prop::array::uniform3(prop::collection::vec(
            prop_oneof![3 => prop::sample::select(vec![0x61, 0xa1, 0xe1, 0x21, 0x81]), 1 => any::<u8>()],
            0..8,
        )),
        rest in prop::collection::vec(prop_oneof![3 => 0u8..6, 1 => any::<u8>()], 0..32),
    ) {
        let lengths = trees.each_ref().map(|tree| tree.len() as u32);
        let numbers = [pieces].into_iter().chain(strings).chain(lengths);
        let mut section: Vec<u8> = numbers.flat_map(u32::to_le_bytes).collect();
        section.extend([b'a'; 32]);
        section.extend(trees.concat());
        section.extend(rest);
        let _ = exercise(&section);
    }
}
