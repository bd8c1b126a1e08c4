//! Every code point: alone, inside a word, and with marks behind it.

use super::oracle::{
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
    let comparable = |c: &char| !incomparable.contains(c);

    both.set_normalizer(UNCASED);
    compare_all(&both, ('\0'..=char::MAX).filter(comparable), |c| {
        format!(" {c} a{c}b")
    });

    // Planes 3 to 13 hold nothing that any setting treats in a way of its own.
    let assigned = ('\0'..'\u{30000}').chain('\u{E0000}'..'\u{E1000}');
    both.set_normalizer(CASED);
    compare_all(&both, assigned.filter(comparable), |c| {
        format!(" {c} a{c}b")
    });

    // The blocks with marks and case once more, with all settings. Behind the character: a mark
    // that is dropped, one that survives, and one that comes before both in order.
    let blocks = ('\0'..'\u{3100}')
        .chain('\u{A600}'..'\u{AC10}')
        .chain('\u{F900}'..='\u{FFFF}')
        .chain('\u{10400}'..'\u{11800}')
        .chain('\u{1D100}'..'\u{1D250}')
        .chain('\u{1E000}'..'\u{1E960}');
    for normalizer in all_normalizers() {
        both.set_normalizer(normalizer);
        compare_all(&both, blocks.clone().filter(comparable), |c| {
            format!("{c}\u{302}\u{302E}\u{1B44}a{c}\u{1D165}{c} ")
        });
    }
}
