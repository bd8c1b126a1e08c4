//! Hostile blobs: impossible sizes, random tensors, scales that are not numbers.

use embert::blob::{HEADER_LEN, flags};
use embert::kernels::InstructionSet;
use embert::{
    Engine, HeadKind, Header, Model, ParseError, Pooling, RunError, Shape, scratch_bytes,
};
use embert_tests::blobs::{Aligned, MEAN, SEQUENCE, TOKENS};
use embert_tests::readings::Setup;
use embert_tests::synthetic::{self, Random, Wildness};
use embert_tests::{depth, fuzz};

/// Numbers of 32 bits at which products, sums and roundings go wrong.
const NUMBERS: [u32; 16] = [
    0,
    1,
    2,
    3,
    15,
    16,
    0xff,
    0xffff,
    0x1_0000,
    0x10_0000,
    0x1000_0000,
    0x5555_5556,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fff1,
    0xffff_ffff,
];

/// Where the header has its numbers of 32 bits.
fn fields() -> impl Iterator<Item = usize> + Clone {
    (12..92).step_by(4).filter(|&at| at != 20).chain([96, 100])
}

/// Any two numbers of the header at once, the lengths included.
///
/// These are 44,000 headers: with a loop over a claimed size the test would not end for hours.
#[test]
fn impossible_headers_are_refused() {
    let mut blob = Aligned::copy(TOKENS.bytes);
    let mut models = 0;
    for first in fields() {
        for second in fields().filter(|&second| second > first) {
            for (a, b) in NUMBERS.iter().flat_map(|a| NUMBERS.map(|b| (a, b))) {
                blob[first..first + 4].copy_from_slice(&a.to_le_bytes());
                blob[second..second + 4].copy_from_slice(&b.to_le_bytes());
                if let Ok(header) = Header::read(&blob) {
                    let shape = &header.shape;
                    for tokens in [shape.positions, usize::MAX / 5, usize::MAX] {
                        assert!(scratch_bytes(shape, tokens) >= tokens);
                    }
                }
                // Other special ids, other word lengths, or a shape that takes as many bytes.
                if let Ok(model) = Model::parse(&blob) {
                    assert_eq!(model.header().length, TOKENS.bytes.len());
                    models += 1;
                }
            }
            blob[..HEADER_LEN].copy_from_slice(&TOKENS.bytes[..HEADER_LEN]);
        }
    }
    assert!(models > 0);
}

fn header_of(blob: &[u8]) -> Header {
    Header::read(blob).expect("a committed blob")
}

/// A header of the largest sizes on a blob as small as can be.
#[test]
fn claims_without_bytes_are_refused() {
    for committed in [&TOKENS, &SEQUENCE, &MEAN] {
        let mut blob = Aligned::copy(committed.bytes);
        for (at, largest) in [
            (24, 1 << 10),
            (28, 4096),
            (32, 4096),
            (36, 1 << 16),
            (44, 1 << 16),
            (48, 1 << 8),
        ] {
            blob[at..at + 4].copy_from_slice(&u32::to_le_bytes(largest));
        }
        let header = header_of(&blob);
        assert!(scratch_bytes(&header.shape, 1 << 16) > 1 << 30);
        assert!(matches!(
            Model::parse(&blob).map(|_| ()),
            Err(ParseError::Length { .. })
        ));
    }
}

/// A random shape with odd sizes, for every head; small, because many are tried.
fn shape(random: &mut Random) -> Shape {
    let heads = 1 + random.below(4);
    let head = [
        HeadKind::SequenceClassification,
        HeadKind::TokenClassification,
        HeadKind::Embedding,
        HeadKind::Joint,
        HeadKind::Spans,
    ][random.below(5)];
    let pooling = [Pooling::Mean, Pooling::Cls, Pooling::Pooler][random.below(3)];
    let hidden = heads * (1 + random.below(12));
    Shape {
        layers: 1 + random.below(2),
        hidden,
        heads,
        intermediate: 1 + random.below(90),
        vocabulary: 3 + random.below(40),
        rank: random.below(2) * random.below(hidden),
        positions: 3 + random.below(40),
        segments: match head {
            HeadKind::Spans => 2 + random.below(2),
            _ => 1 + random.below(3),
        },
        labels: match head {
            HeadKind::Embedding | HeadKind::Spans => 0,
            _ => 1 + random.below(50),
        },
        token_labels: match head {
            HeadKind::Joint => 1 + random.below(50),
            _ => 0,
        },
        iob2: match head {
            HeadKind::Joint | HeadKind::TokenClassification => random.below(2) == 1,
            _ => false,
        },
        head,
        pooling,
        has_int4: random.below(2) == 1,
        has_pooler: random.below(2) == 1
            || (head == HeadKind::Embedding && pooling == Pooling::Pooler),
    }
}

#[test]
fn random_tensors_run_in_their_bounds() {
    let mut random = Random(11);
    let count = depth::pick(30, 3000);
    for seed in 0..count {
        let shape = shape(&mut random);
        let wildness = [Wildness::Tame, Wildness::Wild][random.below(2)];
        let flags = random.below(64) as u8;
        let synthetic = synthetic::blob(&shape, flags, random.below(3) as u8, seed, wildness);
        let model = Model::parse(&synthetic.blob).unwrap_or_else(|error| {
            panic!("{shape:?}: {error}");
        });
        assert!(model.verify());
        for text in ["", "aa ab zz", &"ac ab ".repeat(40)] {
            fuzz::run(&model, text);
        }
    }
}

/// int4 weights give the bits of the same weights in int8, for every size of the expansion buffer.
#[test]
fn int4_gives_what_its_int8_gives() {
    let mut random = Random(12);
    let count = depth::pick(20, 300);
    for seed in 0..count {
        let shape = Shape {
            has_int4: true,
            ..shape(&mut random)
        };
        let [int4, int8] = [synthetic::blob, synthetic::expanded]
            .map(|make| make(&shape, flags::LOWERCASE, 0, seed, Wildness::Tame).blob);
        let int4 = Model::parse(&int4).expect("a consistent blob");
        let int8 = Model::parse(&int8).expect("a consistent blob");
        assert!(int4.shape().has_int4 && !int8.shape().has_int4);
        let expected = Setup::plain(&int8).run(&int8, "ab aa ad ab ac");
        for set in InstructionSet::available() {
            for (tile, workers) in [(1, 1), (3, 1), (4, 2), (16, 1), (40, 3)] {
                let setup = Setup {
                    set,
                    tile,
                    workers,
                    fill: 0xa5,
                    ..Setup::plain(&int4)
                };
                let found = setup.run(&int4, "ab aa ad ab ac");
                assert!(found == expected, "{setup:?}, {shape:?}");
            }
        }
    }
}

#[test]
fn int4_without_memory_to_expand_it_is_refused() {
    let shape = Shape {
        has_int4: true,
        ..header_of(TOKENS.bytes).shape
    };
    let mut blob = synthetic::blob(&shape, 0, 0, 3, Wildness::Tame).blob;
    blob[23] &= !flags::INT4;
    let parsed = Model::parse(&blob).map(|_| ());
    assert_eq!(parsed, Err(ParseError::Setting));
    // Tables are int8 or int4, nothing else.
    for (at, code) in [(92, 3), (93, 1), (94, 255)] {
        let mut blob = Aligned::copy(TOKENS.bytes);
        blob[at] = code;
        assert!(Model::parse(&blob).is_err(), "{code} at {at}");
    }
}

#[test]
fn every_number_of_every_scale_is_checked() {
    let mut random = Random(5);
    for seed in 0..20 {
        let shape = shape(&mut random);
        let flags = flags::NORMALIZE;
        let mut synthetic = synthetic::blob(&shape, flags, 0, seed, Wildness::Tame);
        for &record in &synthetic.scales {
            for at in (record..record + 16).step_by(4) {
                let good: [u8; 4] = synthetic.blob[at..at + 4].try_into().expect("four bytes");
                for bad in [
                    0.0,
                    -0.0,
                    -1.0,
                    f32::NAN,
                    f32::INFINITY,
                    f32::NEG_INFINITY,
                    f32::MIN_POSITIVE,
                    1e-45,
                    9.9e-13,
                    1.1e12,
                    f32::MAX,
                ] {
                    synthetic.blob[at..at + 4].copy_from_slice(&bad.to_le_bytes());
                    let parsed = Model::parse(&synthetic.blob).map(|_| ());
                    assert_eq!(parsed, Err(ParseError::Scale), "{bad} at {at}");
                }
                synthetic.blob[at..at + 4].copy_from_slice(&good);
            }
        }
        assert!(Model::parse(&synthetic.blob).is_ok());
    }
}

#[test]
fn weights_in_unknown_formats_are_refused() {
    let shape = header_of(TOKENS.bytes).shape;
    let mut synthetic = synthetic::blob(&shape, 0, 0, 3, Wildness::Tame);
    for &at in &synthetic.settings {
        synthetic.blob[at] = 255;
        let parsed = Model::parse(&synthetic.blob).map(|_| ());
        assert_eq!(parsed, Err(ParseError::Setting), "{at}");
        synthetic.blob[at] = 0;
    }
    assert!(Model::parse(&synthetic.blob).is_ok());
}

/// Multipliers of 2^30 and more, or below zero where that has no meaning.
#[test]
fn multipliers_out_of_range_are_refused() {
    let shape = header_of(TOKENS.bytes).shape;
    let synthetic = synthetic::blob(&shape, 0, 0, 3, Wildness::Tame);
    for &record in &synthetic.scales {
        for bad in [1 << 30, i32::MAX, i32::MIN, -(1 << 30)] {
            let mut blob = synthetic.blob.clone();
            blob[record + 16..record + 20].copy_from_slice(&bad.to_le_bytes());
            let parsed = Model::parse(&blob).map(|_| ());
            assert_eq!(parsed, Err(ParseError::Multiplier), "{bad} at {record}");
        }
    }
}

/// Valid models answer texts of every kind, and truncate those that are too long.
#[test]
fn texts_of_every_kind() -> Result<(), ParseError> {
    let long = "the king sings, ".repeat(6_500);
    let every_character: String = (0..=0x10_ffff)
        .step_by(97)
        .filter_map(char::from_u32)
        .collect();
    let marks = format!("e{}", "\u{301}\u{488}\u{323}".repeat(2_000));
    let word = "x".repeat(100_000);
    let texts = [
        "",
        "   \t\n\u{3000}",
        "\0\u{fffd}\u{7f}",
        &long,
        &every_character,
        &marks,
        &word,
    ];
    for committed in [&SEQUENCE, &TOKENS] {
        let blob = Aligned::copy(committed.bytes);
        let model = Model::parse(&blob)?;
        let positions = model.shape().positions;
        let mut scratch = Aligned::filled(scratch_bytes(model.shape(), positions), 7);
        let mut engine = Engine::new(&model, &mut scratch).expect("scratch for all");
        for text in texts {
            let reading = engine.run(text).expect("a text");
            let cut = reading.truncated.map_or(positions, |cut| cut.needed);
            assert!(reading.tokens.len() <= positions && cut >= positions);
        }
        let cut = engine.run(&long).expect("a text").truncated;
        let cut = cut.expect("a text longer than any model reads");
        assert!(cut.needed > 20_000 && cut.covered_a as usize <= long.len());
        let reading = engine.run("a b c").expect("a text");
        assert_eq!((reading.tokens.len(), reading.truncated), (5, None));
    }
    Ok(())
}

#[test]
fn pairs_of_every_kind() -> Result<(), ParseError> {
    let blob = Aligned::copy(SEQUENCE.bytes);
    let model = Model::parse(&blob)?;
    let positions = model.shape().positions;
    let mut scratch = Aligned::filled(scratch_bytes(model.shape(), positions), 7);
    let mut engine = Engine::new(&model, &mut scratch).expect("scratch for all");
    let long = "the king sings, ".repeat(100);
    for a in ["", " ", "the king", &long] {
        for b in ["", "\u{301}", "sings", &long] {
            let reading = engine.run_pair(a, b).expect("a pair");
            let cut = reading.truncated;
            assert_eq!(cut.is_some(), a.len() + b.len() > long.len() - 1);
            assert!(reading.tokens.len() >= 3 && reading.tokens.len() <= positions);
            if let Some(cut) = cut {
                assert_eq!(reading.tokens.len(), positions);
                assert!(cut.covered_a as usize <= a.len() && cut.covered_b as usize <= b.len());
            }
        }
    }

    let blob = Aligned::copy(TOKENS.bytes);
    let model = Model::parse(&blob)?;
    let mut engine = Engine::new(&model, &mut scratch).expect("scratch for all");
    let error = engine.run_pair("a", "b").map(|_| ());
    assert_eq!(error, Err(RunError::NoPairs));
    Ok(())
}
