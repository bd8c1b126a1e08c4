//! Every prefix and every changed byte of a blob gives an error, or a model that runs in its bounds.
//!
//! Every model that parses is run. Deep tests try all values of every byte, quick ones the values
//! that matter most.

use embert::blob::CHECKSUM_FROM;
use embert::{Model, ParseError};
use embert_tests::blobs::{Aligned, TOKENS, flavours};
use embert_tests::readings::Setup;
use embert_tests::{depth, fuzz};

const TEXT: &str = "the king, sings";

/// Runs a text in the smallest scratch there is, with the kernels that define the arithmetic.
fn run_small(model: &Model<'_>) {
    let setup = Setup {
        tile: 2,
        tokens: 4,
        ..Setup::plain(model)
    };
    setup.run(model, TEXT);
}

/// The values that replace the byte at `at`.
fn values(at: usize, byte: u8) -> Vec<u8> {
    /// Weights begin here: header, vocabulary and labels take less.
    const NUMBERS: usize = 1024;
    if depth::is_deep() {
        (0..=255).filter(|&value| value != byte).collect()
    } else if at < NUMBERS {
        (0..8).map(|bit| byte ^ (1 << bit)).collect()
    } else {
        vec![byte ^ 0x80]
    }
}

#[test]
fn every_prefix_is_refused() {
    for (name, blob) in flavours() {
        for end in 0..blob.len() {
            let prefix = Aligned::copy(&blob[..end]);
            let parsed = Model::parse(&prefix).map(|_| ());
            assert!(parsed.is_err(), "{name}: the first {end} bytes parse");
        }
    }
}

/// A blob that is cut short and states its new length still lacks a section.
#[test]
fn every_prefix_with_its_own_length_is_refused() {
    for (name, blob) in flavours() {
        for end in (16..blob.len()).step_by(if name == "tokens" { 1 } else { 13 }) {
            let mut prefix = Aligned::copy(&blob[..end]);
            prefix[12..16].copy_from_slice(&(end as u32).to_le_bytes());
            let parsed = Model::parse(&prefix).map(|_| ());
            assert!(parsed.is_err(), "{name}: the first {end} bytes parse");
        }
    }
}

#[test]
fn every_changed_byte_is_an_error_or_a_model() {
    let mut blob = Aligned::copy(TOKENS.bytes);
    let mut models = 0;
    for at in 0..blob.len() {
        let byte = blob[at];
        for value in values(at, byte) {
            blob[at] = value;
            if let Ok(model) = Model::parse(&blob) {
                models += 1;
                run_small(&model);
            }
        }
        blob[at] = byte;
    }
    // Most bytes are weights.
    assert!(models > blob.len() / 2);
}

/// The other heads, fewer values, all kernels.
#[test]
fn changed_bytes_of_every_flavour() {
    let step = depth::pick(1201, 3);
    for (name, mut blob) in flavours() {
        let mut models = 0;
        for at in (0..blob.len()).step_by(step) {
            let byte = blob[at];
            blob[at] ^= 0x81;
            if let Ok(model) = Model::parse(&blob) {
                models += 1;
                fuzz::run(&model, TEXT);
            }
            blob[at] = byte;
        }
        assert!(models > 0, "{name}");
    }
}

#[test]
fn verify_detects_every_changed_byte() {
    let mut blob = Aligned::copy(TOKENS.bytes);
    assert!(Model::parse(&blob).is_ok_and(|model| model.verify()));
    for at in 0..blob.len() {
        for bit in bits(at) {
            blob[at] ^= 1 << bit;
            match Model::parse(&blob) {
                Ok(model) => assert!(!model.verify(), "bit {bit} of byte {at}"),
                Err(error) => assert!(at >= CHECKSUM_FROM || early(&error), "{error:?}"),
            }
            blob[at] ^= 1 << bit;
        }
    }
}

/// Which bits of a byte to flip.
fn bits(at: usize) -> std::ops::Range<usize> {
    depth::pick(at % 8..at % 8 + 1, 0..8)
}

/// Errors that the first 20 bytes alone can cause.
fn early(error: &ParseError) -> bool {
    matches!(
        error,
        ParseError::NotABlob | ParseError::Version(_) | ParseError::Length { .. }
    )
}

#[test]
fn a_misaligned_blob_is_refused() {
    for offset in 1..32 {
        let mut bytes = Aligned::filled(offset + TOKENS.bytes.len(), 0);
        bytes[offset..].copy_from_slice(TOKENS.bytes);
        let parsed = Model::parse(&bytes[offset..]).map(|_| ());
        let expected = match offset {
            16 => Ok(()),
            _ => Err(ParseError::Misaligned),
        };
        assert_eq!(parsed, expected);
    }
}
