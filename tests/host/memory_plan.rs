//! The scratch: its size is exact, and nothing but the blob and the text decides the result.

use embert::kernels::InstructionSet;
use embert::memory::SCRATCH_ALIGNMENT;
use embert::{
    Engine, EngineOptions, HeadKind, Model, Plan, Pooling, ScratchError, Shape, TILE, scratch_bytes,
};
use embert_tests::blobs::{Aligned, TOKENS, flavours};
use embert_tests::readings::{Setup, bits};
use embert_tests::synthetic::{self, Random, Wildness};

const HEADS: [HeadKind; 5] = [
    HeadKind::SequenceClassification,
    HeadKind::TokenClassification,
    HeadKind::Embedding,
    HeadKind::Joint,
    HeadKind::Spans,
];
const POOLINGS: [Pooling; 3] = [Pooling::Mean, Pooling::Cls, Pooling::Pooler];

/// A random shape with no limit on which part of it is the largest.
fn shape(random: &mut Random) -> Shape {
    let mut odd = |most: usize| {
        let scale = 1 + random.below(most);
        1 + random.below(scale)
    };
    let heads = odd(6);
    let (head, pooling) = (HEADS[odd(5) - 1], POOLINGS[odd(3) - 1]);
    let hidden = heads * odd(20);
    Shape {
        layers: odd(2),
        hidden,
        heads,
        intermediate: odd(200),
        vocabulary: 3 + odd(30),
        rank: (odd(hidden) - 1) * (odd(2) - 1),
        positions: 3 + odd(60),
        segments: match head {
            HeadKind::Spans => 1 + odd(2),
            _ => odd(3),
        },
        labels: match head {
            HeadKind::Embedding | HeadKind::Spans => 0,
            _ => odd(900),
        },
        token_labels: match head {
            HeadKind::Joint => odd(900),
            _ => 0,
        },
        iob2: match head {
            HeadKind::Joint | HeadKind::TokenClassification => odd(2) == 1,
            _ => false,
        },
        head,
        pooling,
        has_int4: odd(2) == 1,
        has_pooler: odd(2) == 1 || (head == HeadKind::Embedding && pooling == Pooling::Pooler),
    }
}

/// A text of `tokens` tokens in the vocabulary of synthetic blobs.
fn text_of(tokens: usize) -> String {
    ["aa", "ab", "ac", "zz"]
        .iter()
        .cycle()
        .take(tokens - 2)
        .copied()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn the_plan_is_the_least_scratch_of_its_limit() {
    let mut random = Random(1);
    for seed in 0..40 {
        let shape = shape(&mut random);
        let blob = synthetic::blob(&shape, 0, 0, seed, Wildness::Tame).blob;
        let model = Model::parse(&blob).expect("a consistent blob");
        let limit = 3 + random.below(shape.positions - 2);
        let bytes = scratch_bytes(&shape, limit);
        let mut scratch = Aligned::filled(bytes, 0xa5);

        let mut engine = Engine::new(&model, &mut scratch).expect("as planned");
        // A step of memory may be worth several tokens.
        let tokens = engine.plan().tokens;
        assert!(tokens >= limit && scratch_bytes(&shape, tokens) == bytes);
        let reading = engine.run(&text_of(tokens)).expect("a text of the limit");
        assert_eq!((reading.tokens.len(), reading.truncated), (tokens, None));
        let reading = engine.run(&text_of(tokens + 5)).expect("a longer text");
        let needed = reading.truncated.map(|cut| cut.needed);
        assert_eq!((reading.tokens.len(), needed), (tokens, Some(tokens + 5)));

        let less = &mut scratch[..bytes - 1];
        match Engine::new(&model, less) {
            Ok(engine) => assert!(engine.plan().tokens < limit),
            Err(error) => {
                let needed = scratch_bytes(&shape, 3);
                let found = bytes - 1;
                assert_eq!(error, ScratchError::TooSmall { needed, found });
            }
        }
    }
}

/// No region is larger than what is written to it: of two scratches with different contents, the
/// same bytes are left alone, and those are few.
#[test]
fn the_whole_scratch_is_used() {
    let mut random = Random(2);
    for seed in 0..40 {
        let shape = Shape {
            // The layer that computes `[CLS]` alone uses one row of its tile.
            layers: 2,
            // Where all layers happen to be int8, the memory to expand others in is left.
            has_int4: false,
            ..shape(&mut random)
        };
        let blob = synthetic::blob(&shape, 0, 0, seed, Wildness::Tame).blob;
        let model = Model::parse(&blob).expect("a consistent blob");
        let tokens = shape.positions;
        let setup = Setup {
            tile: 1,
            ..Setup::plain(&model)
        };
        let plan = setup.settings().plan(&shape, tokens);
        let untouched = |fill: u8| -> Vec<bool> {
            let mut scratch = Aligned::filled(plan.bytes(), fill);
            let settings = setup.settings();
            let mut engine = Engine::with(&model, &mut scratch, settings).expect("as planned");
            engine.run(&text_of(tokens)).expect("a text");
            scratch.iter().map(|&byte| byte == fill).collect()
        };
        let (first, second) = (untouched(0x5a), untouched(0xc3));
        let left = first
            .iter()
            .zip(&second)
            .filter(|(a, b)| **a && **b)
            .count();
        // Gaps between about 25 slices, and padding of keys and scores.
        let gaps = 25 * SCRATCH_ALIGNMENT + 5 * SCRATCH_ALIGNMENT + 15 * 8;
        assert!(left <= gaps, "{left} bytes of {shape:?}");
    }
}

#[test]
fn nothing_but_blob_and_text_decides() {
    let texts = ["", "the king, sings", "a b c d e f g h i j k l m n o"];
    for (name, blob) in flavours() {
        let model = Model::parse(&blob).expect("a committed blob");
        for text in texts {
            let plain = Setup::plain(&model);
            let expected = plain.run(&model, text);
            for set in InstructionSet::available() {
                for tile in 1..=16 {
                    let tokens = (17 + tile).min(model.shape().positions);
                    let fill = [0x00, 0xff, 0x7f][tile % 3];
                    let setup = Setup {
                        set,
                        tile,
                        workers: 1 + tile % 5,
                        tokens,
                        fill,
                    };
                    let found = setup.run(&model, text);
                    assert_eq!(found, expected, "{name}, {setup:?}");
                }
            }
        }
    }
}

/// The engine may be used again and again: what one text leaves does not change the next.
#[test]
fn texts_leave_nothing_behind() {
    for (name, blob) in flavours() {
        let model = Model::parse(&blob).expect("a committed blob");
        let mut scratch = Aligned::filled(scratch_bytes(model.shape(), 19), 0);
        let mut random = Random(3);
        for byte in scratch.iter_mut() {
            *byte = random.below(256) as u8;
        }
        let mut engine = Engine::new(&model, &mut scratch).expect("as planned");
        let expected = Setup::plain(&model).run(&model, "the king");
        for other in ["", "z y x w v u t s r q p o", ",,,,,,", "the king"] {
            engine.run(other).expect("a text");
            let reading = engine.run("the king").expect("a text");
            assert_eq!(bits(&reading), expected, "{name} after {other:?}");
        }
    }
}

#[test]
fn unfit_scratches_are_refused() {
    let blob = Aligned::copy(TOKENS.bytes);
    let model = Model::parse(&blob).expect("a committed blob");
    let needed = scratch_bytes(model.shape(), 3);
    let mut scratch = Aligned::filled(needed + SCRATCH_ALIGNMENT, 0);
    for offset in 1..SCRATCH_ALIGNMENT {
        let error = Engine::new(&model, &mut scratch[offset..]).map(|_| ());
        assert_eq!(error, Err(ScratchError::Misaligned));
    }
    for found in [0, 1, 16, needed - 1] {
        let error = Engine::new(&model, &mut scratch[..found]).map(|_| ());
        assert_eq!(error, Err(ScratchError::TooSmall { needed, found }));
    }
    assert!(Engine::new(&model, &mut scratch[..needed]).is_ok());
    for tile in [usize::MAX, usize::MAX / 3, 1 << 40] {
        let settings = EngineOptions {
            tile,
            ..EngineOptions::default()
        };
        let error = Engine::with(&model, &mut scratch, settings).map(|_| ());
        assert!(matches!(error, Err(ScratchError::TooSmall { .. })));
    }
}

/// More scratch for more tokens, and never a sum that wrapped around.
#[test]
fn plans_grow_with_the_limit() {
    let mut random = Random(4);
    for _ in 0..200 {
        let shape = shape(&mut random);
        let mut last = 0;
        for tokens in (0..200).chain([1 << 20, usize::MAX / 2, usize::MAX]) {
            let bytes = scratch_bytes(&shape, tokens);
            assert!(bytes >= last && bytes >= tokens);
            assert_eq!(bytes, Plan::new(&shape, tokens, TILE, 1).bytes());
            last = bytes;
        }
        assert_eq!(last, usize::MAX);
    }
}
