//! What the fuzz targets do with their bytes; `fuzz_corpus` replays the corpus through the same.

use std::sync::LazyLock;

use embert::blob::{ALIGNMENT, HEADER_LEN};
use embert::kernels::InstructionSet;
use embert::text::{Normalizer, Token, Tokenizer, TokenizerParts, Vocabulary};
use embert::{Engine, EngineOptions, HeadKind, Header, Model, Windows, scratch_bytes};

use crate::blobs::{Aligned, TOKENS, flavours};
use crate::readings::bits;

/// Most tokens of a text in the tokenizer target.
const ROOM: usize = 64;

/// Any bytes as a blob: an error or a model, whose every part can be read.
///
/// # Panics
/// When core breaks its promises.
pub fn blob(data: &[u8]) {
    let blob = Aligned::copy(data);
    if let Ok(header) = Header::read(&blob) {
        for tokens in [0, 1, header.shape.positions, usize::MAX] {
            assert!(scratch_bytes(&header.shape, tokens) >= tokens);
        }
    }
    let Ok(model) = Model::parse(&blob) else {
        return;
    };
    model.verify();
    let shape = model.shape();
    assert_eq!(model.layers().count(), shape.layers);
    assert_eq!(model.labels().iter().count(), shape.labels);
    let tags = model.token_labels().iter().count();
    assert!(shape.head == HeadKind::Spans || tags == shape.token_outputs());
    let vocabulary = model.tokenizer().vocabulary();
    let pieces = (0..shape.vocabulary as u32).filter(|&id| vocabulary.piece(id).is_some());
    assert_eq!(pieces.count(), shape.vocabulary);
}

/// A vocabulary section and a text. Byte 0 is the normalizer's settings and whether the section is
/// that of a valid blob instead, byte 1 the room for tokens, byte 2 the longest word, bytes 3 and 4
/// the length of the section, bytes 5 and 6 that of the first text of a pair.
///
/// # Panics
/// When core breaks its promises.
pub fn tokenizer(data: &[u8]) {
    let Some((&[settings, room, longest, s0, s1, a0, a1], rest)) = data.split_first_chunk() else {
        return;
    };
    let section = usize::from(u16::from_le_bytes([s0, s1])).min(rest.len());
    let (section, text) = rest.split_at(section);
    let section = match settings & 16 {
        0 => section,
        _ => valid_section(),
    };
    let Ok(vocabulary) = Vocabulary::parse(section) else {
        return;
    };
    let valid = settings & 16 != 0;
    for id in 0..vocabulary.len() as u32 {
        let piece = vocabulary.piece(id).expect("an id below the length");
        let piece = piece.to_string();
        if let Some(found) = vocabulary.id_of(&piece) {
            let found = vocabulary.piece(found).expect("an id below the length");
            assert!(!valid || found.to_string() == piece);
        }
    }
    let parts = TokenizerParts {
        vocabulary,
        normalizer: Normalizer {
            clean_text: settings & 1 != 0,
            handle_chinese_chars: settings & 2 != 0,
            strip_accents: settings & 4 != 0,
            lowercase: settings & 8 != 0,
        },
        cls: 0,
        sep: vocabulary.len() as u32 - 1,
        unk: vocabulary.len() as u32 / 2,
        max_word_chars: longest.into(),
    };
    let Ok(tokenizer) = Tokenizer::new(parts) else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    single(&tokenizer, &text, usize::from(room) % ROOM);
    let (a, b) = text.split_at(boundary(&text, u16::from_le_bytes([a0, a1]).into()));
    pair(&tokenizer, a, b, usize::from(room) % ROOM);
}

/// The last boundary of characters up to `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut down = (0..=at).rev();
    down.find(|&at| text.is_char_boundary(at))
        .unwrap_or_default()
}

/// The vocabulary section of a committed blob.
fn valid_section() -> &'static [u8] {
    let length = Header::read(TOKENS.bytes).expect("a blob").vocabulary_len;
    &TOKENS.bytes[HEADER_LEN..HEADER_LEN + length]
}

fn single(tokenizer: &Tokenizer<'_>, text: &str, room: usize) {
    let mut all = vec![Token::default(); 4 * text.len() + 2];
    let whole = tokenizer.encode(text, &mut all).expect("enough room");
    assert_eq!(whole.truncated, None);
    check(tokenizer, &all[1..whole.len - 1], text);

    let mut few = vec![Token::default(); room];
    match tokenizer.encode(text, &mut few) {
        Err(_) => assert!(room < 2),
        Ok(cut) => {
            assert_eq!(cut.len, whole.len.min(room));
            assert_eq!(all[..cut.len - 1], few[..cut.len - 1]);
            let needed = cut
                .truncated
                .map_or(cut.len, |truncation| truncation.needed);
            assert_eq!(needed, whole.len);
        }
    }
}

fn pair(tokenizer: &Tokenizer<'_>, a: &str, b: &str, room: usize) {
    let mut tokens = vec![Token::default(); room];
    match tokenizer.encode_pair(a, b, &mut tokens) {
        Err(_) => assert!(room < 3),
        Ok(encoding) => {
            assert!(encoding.len <= room && encoding.segment_b_start < encoding.len);
            let (first, second) = tokens[..encoding.len - 1].split_at(encoding.segment_b_start);
            check(tokenizer, &first[1..first.len() - 1], a);
            check(tokenizer, second, b);
        }
    }
}

/// Tokens exist and come from the text, in order.
fn check(tokenizer: &Tokenizer<'_>, tokens: &[Token], text: &str) {
    for token in tokens {
        assert!(tokenizer.vocabulary().piece(token.id).is_some());
        let source = text.get(token.start as usize..token.end as usize);
        assert!(source.is_some_and(|source| !source.is_empty()), "{token:?}");
    }
}

/// Made once: a target is run thousands of times a second.
static FLAVOURS: LazyLock<Vec<(&str, Aligned)>> = LazyLock::new(flavours);

/// A corrupted blob and a text. Byte 0 says which blob, byte 1 how many of the following groups of
/// four are corruptions: a position of three bytes and a value. The rest is the text.
///
/// # Panics
/// When core breaks its promises.
pub fn engine(data: &[u8]) {
    let Some((&[which, count], rest)) = data.split_first_chunk() else {
        return;
    };
    let (_, mut blob) = FLAVOURS[usize::from(which) % FLAVOURS.len()].clone();
    let (groups, _) = rest.as_chunks::<4>();
    let groups = &groups[..usize::from(count).min(groups.len())];
    for &[low, middle, high, value] in groups {
        let len = blob.len();
        blob[u32::from_le_bytes([low, middle, high, 0]) as usize % len] = value;
    }
    if let Ok(model) = Model::parse(&blob) {
        let text = String::from_utf8_lossy(&rest[4 * groups.len()..]);
        run(&model, &text);
    }
}

/// Runs a text whichever way there is: all give the same bits.
///
/// # Panics
/// When they do not.
pub fn run(model: &Model<'_>, text: &str) {
    let tokens = model.shape().positions.min(ROOM);
    let expected = run_with(model, text, tokens, InstructionSet::SCALAR, 4, 0);
    for set in InstructionSet::available() {
        let found = run_with(model, text, tokens, set, 3, 0xff);
        assert_eq!(found, expected, "{}", set.name());
    }
}

fn run_with(
    model: &Model<'_>,
    text: &str,
    tokens: usize,
    set: InstructionSet,
    tile: usize,
    fill: u8,
) -> Vec<u32> {
    let settings = EngineOptions {
        set,
        tile,
        ..EngineOptions::default()
    };
    let mut scratch = Aligned::filled(settings.plan(model.shape(), tokens).bytes(), fill);
    let mut engine = Engine::with(model, &mut scratch, settings).expect("a scratch as planned");
    let mut all = bits(&engine.run(text).expect("a text"));
    let (a, b) = text.split_at(boundary(text, text.len() / 2));
    match engine.run_pair(a, b) {
        Ok(reading) => all.extend(bits(&reading)),
        Err(error) => assert_eq!(error, embert::RunError::NoPairs),
    }
    let mut windows = Windows::new(text);
    while let Some(window) = windows.next(&mut engine).expect("a text") {
        all.extend([
            window.owned_range.start as u32,
            window.owned_range.end as u32,
        ]);
        all.extend(bits(&window.reading));
    }
    all
}

const _: () = assert!(ALIGNMENT == 16, "what `Aligned` gives");
