//! Texts of any length in windows: all tokens of a text get a label, once and in order.

use embert::text::Token;
use embert::{Engine, Model, TokenLabel, Windows, scratch_bytes};
use embert_tests::blobs::{Aligned, INT4, TOKENS};
use embert_tests::synthetic::Random;

/// What all windows of a text give, and how many there are.
#[derive(Debug, Default, PartialEq)]
struct Given {
    windows: usize,
    tokens: Vec<Token>,
    labels: Vec<TokenLabel>,
    /// Start, end, and the bits of the score.
    entities: Vec<(usize, usize, u32)>,
}

fn bits(entity: embert::Entity<'_>) -> (usize, usize, u32) {
    (entity.start, entity.end, entity.score.to_bits())
}

/// Reads a text in windows of so many tokens.
fn given(model: &Model<'_>, text: &str, room: usize) -> Given {
    let mut scratch = Aligned::filled(scratch_bytes(model.shape(), room), 0xa5);
    let mut engine = Engine::new(model, &mut scratch).expect("as planned");
    let (mut all, mut end) = (Given::default(), 0);
    let mut windows = Windows::new(text);
    while let Some(window) = windows.next(&mut engine).expect("a text") {
        all.windows += 1;
        assert_eq!(
            window.owned_range.start, end,
            "windows give all of a text once"
        );
        end = window.owned_range.end;
        assert_eq!(window.reading.truncated, None);
        for (token, label) in window.labels() {
            all.tokens.push(*token);
            all.labels.push(*label);
        }
        all.entities.extend(window.entities().map(bits));
    }
    assert_eq!(end, text.len());
    assert!(windows.next(&mut engine).expect("a text").is_none());
    all
}

/// All tokens of a text, without those of the template.
fn tokens(model: &Model<'_>, text: &str) -> Vec<Token> {
    let mut tokens = vec![Token::default(); 4 * text.len() + 2];
    let encoding = model.tokenizer().encode(text, &mut tokens).expect("room");
    tokens[1..encoding.len - 1].to_vec()
}

/// Words of one piece, of two, marks and gaps.
fn text(random: &mut Random, parts: &[&str], count: usize) -> String {
    (0..count)
        .map(|_| parts[random.below(parts.len())])
        .collect()
}

#[test]
fn a_text_that_fits_is_read_as_ever() {
    let blob = Aligned::copy(TOKENS.bytes);
    let model = Model::parse(&blob).expect("a blob");
    let positions = model.shape().positions;
    for text in [
        "",
        " ",
        "ab",
        "the king, of france ",
        "a b c d e f g h i j k l m n o p q",
    ] {
        let mut scratch = Aligned::filled(scratch_bytes(model.shape(), positions), 0);
        let mut engine = Engine::new(&model, &mut scratch).expect("as planned");
        let reading = engine.run(text).expect("a text");
        assert_eq!(reading.truncated, None, "{text}");
        let own = 1..reading.tokens.len() - 1;
        let entities = reading.entities().expect("a model of tokens").map(bits);
        let expected = Given {
            windows: 1,
            tokens: reading.tokens[own.clone()].to_vec(),
            labels: reading.labels()[own].to_vec(),
            entities: entities.collect(),
        };
        assert_eq!(given(&model, text, positions), expected, "{text}");
    }
}

#[test]
fn long_texts_have_the_tokens_that_they_have_as_a_whole() {
    let mut random = Random(3);
    for blob in [TOKENS.bytes, INT4.bytes] {
        let blob = Aligned::copy(blob);
        let model = Model::parse(&blob).expect("a blob");
        for round in 0..60 {
            let room = 8 + random.below(model.shape().positions - 7);
            let text = text(
                &mut random,
                &["a ", "bc ", "xy, ", "d-e ", "\n", "é "],
                5 * round,
            );
            let given = given(&model, &text, room);
            assert_eq!(given.tokens, tokens(&model, &text), "{text}");
            let entities = given.entities.iter().map(|&(start, end, _)| [start, end]);
            let places: Vec<usize> = entities.flatten().collect();
            assert!(places.is_sorted(), "entities overlap: {places:?}");
            if given.tokens.len() > room {
                assert!(given.windows > 1);
            }
        }
    }
}

/// A window is a part of the text, read by itself, and sees more than it gives labels for.
#[test]
fn labels_are_those_of_their_windows() {
    let blob = Aligned::copy(TOKENS.bytes);
    let model = Model::parse(&blob).expect("a blob");
    let mut random = Random(5);
    let text = text(&mut random, &["a ", "b ", "c, ", "xy "], 80);
    let room = model.shape().positions;
    let mut scratch = Aligned::filled(scratch_bytes(model.shape(), room), 0);
    let mut engine = Engine::new(&model, &mut scratch).expect("as planned");
    let mut alone = Aligned::filled(scratch_bytes(model.shape(), room), 0);
    let mut alone = Engine::new(&model, &mut alone).expect("as planned");
    let mut windows = Windows::new(&text);
    let mut count = 0;
    while let Some(window) = windows.next(&mut engine).expect("a text") {
        let own = &window.reading.tokens[1..window.reading.tokens.len() - 1];
        let (start, end) = (own[0].start as usize, own[own.len() - 1].end as usize);
        let part = alone.run(&text[start..end]).expect("a text");
        assert!(!part.labels().is_empty());
        assert_eq!(window.reading.labels(), part.labels());
        let (first, last) = (window.owned_range.start, window.owned_range.end);
        assert!(start <= first && (last <= end || text[end..].trim().is_empty()));
        if first > 0 {
            let before = |token: &&Token| (token.start as usize) < first;
            assert!(own.iter().any(|token| before(&token)), "nothing before it");
        }
        count += 1;
    }
    assert!(count > 5, "{count} windows");
}

#[test]
fn any_text_comes_to_an_end() {
    let blob = Aligned::copy(TOKENS.bytes);
    let model = Model::parse(&blob).expect("a blob");
    let mut random = Random(7);
    // No gaps, words longer than a window, characters of several tokens, tokens of no character.
    let parts = [
        "a", "b", "xyz", "é", "각", "中", "\u{0301}", "[SEP]", "\0", "\u{fffd}", ".", " ",
    ];
    for round in 0..200 {
        let room = 3 + random.below(model.shape().positions - 2);
        let text = text(&mut random, &parts[..1 + round % parts.len()], round);
        given(&model, &text, room);
    }
}
