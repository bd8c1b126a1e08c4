//! Every code point: alone, inside a word, and with marks behind it.

use crate::oracle::{
    Both, CASED, LOWERCASE, SPECIAL, UNCASED, all_normalizers, character_vocabulary, incomparable,
};

/// Checks texts of 64 characters each.
fn compare_all(both: &Both, chars: impl Iterator<Item = char>, context: impl Fn(char) -> String) {
    let chars: Vec<char> = chars.collect();
    for chunk in chars.chunks(64) {
        let text: String = chunk.iter().map(|&c| context(c)).collect();
        both.compare(&text)
            .unwrap_or_else(|difference| panic!("{difference}"));
    }
}

#[test]
fn every_code_point_is_tokenized_as_by_the_reference() {
    let mut both = Both::new(&character_vocabulary(), &SPECIAL, 100);
    both.set_normalizer(LOWERCASE);
    let incomparable = incomparable(&both);
    let all = || ('\0'..=char::MAX).filter(|c| !incomparable.contains(c));
    for normalizer in [UNCASED, CASED] {
        both.set_normalizer(normalizer);
        compare_all(&both, all(), |c| format!(" {c} a{c}b"));
    }

    // The planes with marks and letters once more, with all settings. Behind the character: a
    // mark that is dropped, one that survives, and one that comes before both in order.
    let lower_planes =
        || all().filter(|&c| c < '\u{3000}' || ('\u{1_0000}'..'\u{1_F000}').contains(&c));
    for normalizer in all_normalizers() {
        both.set_normalizer(normalizer);
        compare_all(&both, lower_planes(), |c| {
            format!("{c}\u{302}\u{302E}\u{1B44}a{c}\u{1D165}{c} ")
        });
    }
}
