//! Names of labelled people in the place of `[NAME]`, which GoEmotions has instead of names.

use std::collections::HashSet;

use crate::conll::first_and_last;
use crate::input::{lines, push_line, words};
use crate::lines::{contains, find};
use crate::random::ParkMiller;

const MARK: &[u8] = b"[NAME]";

/// The lines of 4 to 60 words that contain `[NAME]` but no `[RELIGION]`, with each mark replaced by a
/// name of a person in `conll`.
#[must_use]
pub fn fill_names(text: &[u8], conll: &[u8], random: &mut ParkMiller) -> Vec<u8> {
    let names = names_of_people(conll);
    let mut out = Vec::new();
    for line in lines(text) {
        let kept = contains(line, MARK)
            && !contains(line, b"[RELIGION]")
            && (4..=60).contains(&words(line).count());
        if !kept {
            continue;
        }
        let mut rest = line;
        while let Some(at) = find(rest, MARK) {
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(&names[random.below(names.len())]);
            rest = &rest[at + MARK.len()..];
        }
        push_line(&mut out, rest);
    }
    out
}

/// The different names of people that have one or two words and begin with a capital, as first met.
///
/// "Borrower" and "Lender" are not among them: contracts label these as people.
fn names_of_people(conll: &[u8]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    let mut seen = HashSet::new();
    let mut parts: Vec<&[u8]> = Vec::new();
    for line in lines(conll).chain([&b""[..]]) {
        let (word, tag) = first_and_last(line).unwrap_or_default();
        if tag == b"I-PER" && !parts.is_empty() {
            parts.push(word);
            continue;
        }
        if (1..=2).contains(&parts.len()) {
            let name = parts.join(&b' ');
            let usable = name[0].is_ascii_uppercase() && name != b"Borrower" && name != b"Lender";
            if usable && seen.insert(name.clone()) {
                names.push(name);
            }
        }
        parts.clear();
        if tag == b"B-PER" {
            parts.push(word);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONLL: &[u8] =
        b"Ada\tB-PER\nLovelace\tI-PER\nmet\tO\nBob\tB-PER\nBob\tB-PER\n\nada\tB-PER\n\
        Lender\tB-PER\nA\tB-PER\nB\tI-PER\nC\tI-PER\nZ\tI-ORG\nEve\tB-PER\n";

    #[test]
    fn names_have_one_or_two_words() {
        assert_eq!(
            names_of_people(CONLL),
            [&b"Ada Lovelace"[..], b"Bob", b"Eve"]
        );
    }

    /// From state 5 the first three draws below 3 are 0, 1 and 2.
    #[test]
    fn marks_become_names() {
        let text =
            b"thanks [NAME] for [NAME]!\nno mark in this line\n[NAME] is [RELIGION], I think\n\
            [NAME] you too\nwell done [NAME] !\n";
        assert_eq!(
            String::from_utf8(fill_names(text, CONLL, &mut ParkMiller::new(5))).unwrap(),
            "thanks Ada Lovelace for Bob!\nwell done Eve !\n"
        );
    }
}
