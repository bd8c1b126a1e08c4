//! Token limits and pairs of texts, truncated as by the reference.

use super::oracle::{Both, SPECIAL, small_vocabulary};

const TEXTS: &[&str] = &[
    "",
    " ",
    "the",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "tokenization of unhappiness, walking internationally",
    "the [SEP] of [SEP] and [MASK][MASK][MASK]",
    "é中文 \u{1D15E}\u{302E} untokenizable\u{301}",
    "[SEP][SEP][SEP][SEP][SEP][SEP][SEP][SEP]",
];

#[test]
fn pairs_are_put_together_and_truncated_as_by_the_reference() {
    let mut both = Both::new(&small_vocabulary(), &SPECIAL, 100);
    let (mut whole, mut cut) = (0, 0);
    for a in TEXTS {
        for b in TEXTS {
            for limit in (3..40).chain([200]) {
                let encoding = both
                    .compare_pair(a, b, limit)
                    .unwrap_or_else(|d| panic!("{d}"));
                *if encoding.truncated.is_some() {
                    &mut cut
                } else {
                    &mut whole
                } += 1;
            }
        }
    }
    assert!(whole > 500 && cut > 500, "{whole} {cut}");
}

#[test]
fn single_texts_are_truncated_as_by_the_reference() {
    let mut both = Both::new(&small_vocabulary(), &SPECIAL, 100);
    for text in TEXTS {
        for limit in 2..40 {
            let encoding = both
                .compare_truncated(text, limit)
                .unwrap_or_else(|d| panic!("{d}"));
            if let Some(truncation) = encoding.truncated {
                // What is covered is what the reference makes the same tokens of.
                let covered = &text[..truncation.covered_a as usize];
                assert!(covered.len() < text.len(), "{text:?} {encoding:?}");
                let again = both.compare(covered).unwrap();
                assert!(again >= encoding.len, "{covered:?} {again} {encoding:?}");
            }
        }
    }
}
