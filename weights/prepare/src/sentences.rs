//! Splitting running text into sentences.

use crate::input::{clean, lines, push_line, words};

/// A sentence a line, from text that is broken into lines anywhere.
///
/// A sentence ends at `.`, `!` or `?`, with the quotes that follow, where a space comes next. So a
/// title such as "Mr." also ends one.
#[must_use]
pub fn split_sentences(text: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = text
        .iter()
        .filter(|&&byte| byte != b'\r')
        .map(|&byte| if byte == b'\n' { b' ' } else { byte })
        .collect();
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        out.push(byte);
        at += 1;
        if !b".!?".contains(&byte) {
            continue;
        }
        let quotes = run(&text[at..], b'"');
        let spaces = run(&text[at + quotes..], b' ');
        if spaces > 0 {
            out.extend_from_slice(&text[at..at + quotes]);
            out.push(b'\n');
            at += quotes + spaces;
        }
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    out
}

/// Every `every`-th sentence of novels, if it has 4 to 40 words and two capitalized words in a row
/// after its first word: most of these have a name.
#[must_use]
pub fn novel_sentences(text: &[u8], every: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, sentence) in (1..).zip(lines(&split_sentences(&clean(text)))) {
        let kept = number % every == 0
            && (4..=40).contains(&words(sentence).count())
            && has_two_capitalized(sentence);
        if kept {
            push_line(&mut out, sentence);
        }
    }
    out
}

/// Whether a space, a capitalized word in letters alone, a space and a capitalized word follow each other.
fn has_two_capitalized(sentence: &[u8]) -> bool {
    sentence.iter().enumerate().any(|(at, &byte)| {
        if byte != b' ' {
            return false;
        }
        let [b'A'..=b'Z', rest @ ..] = &sentence[at + 1..] else {
            return false;
        };
        let letters = rest
            .iter()
            .take_while(|byte| byte.is_ascii_lowercase())
            .count();
        letters > 0 && matches!(rest[letters..], [b' ', b'A'..=b'Z', b'a'..=b'z', ..])
    })
}

/// The sentences of a MASC file of `word_TAG` tokens that have 3 to 70 words, without the tags.
///
/// A sentence ends after a token that ends in `_.` (the tag of a full stop).
#[must_use]
pub fn masc_sentences(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for tagged in lines(&split_at_stops(&clean(text))) {
        let mut sentence = Vec::new();
        let mut count = 0;
        for token in words(tagged) {
            let end = token
                .iter()
                .rposition(|&byte| byte == b'_')
                .unwrap_or(token.len());
            if !sentence.is_empty() {
                sentence.push(b' ');
            }
            sentence.extend_from_slice(&token[..end]);
            count += 1;
        }
        if (3..=70).contains(&count) {
            push_line(&mut out, &sentence);
        }
    }
    out
}

/// Breaks tagged text after the last `_.` of a token and the spaces that follow.
fn split_at_stops(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        out.push(if byte == b'\n' { b' ' } else { byte });
        rest = after;
        if byte != b' ' && byte != b'\n' {
            continue;
        }
        let token = rest
            .iter()
            .take_while(|&&byte| byte != b' ' && byte != b'\n')
            .count();
        if let Some(stop) = rest[..token].windows(2).rposition(|pair| pair == b"_.") {
            out.extend_from_slice(&rest[..stop + 2]);
            rest = &rest[stop + 2..];
            let spaces = rest
                .iter()
                .take_while(|&&byte| byte == b' ' || byte == b'\n')
                .count();
            out.push(b'\n');
            rest = &rest[spaces..];
        }
    }
    out
}

fn run(text: &[u8], wanted: u8) -> usize {
    text.iter().take_while(|&&byte| byte == wanted).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> String {
        String::from_utf8(split_sentences(text.as_bytes())).unwrap()
    }

    #[test]
    fn sentences_end_before_spaces() {
        assert_eq!(
            split("It is\r\nlate.  \"Go!\"\nHe went.\n"),
            "It is late.\n\"Go!\"\nHe went.\n"
        );
        assert_eq!(
            split("Pi is 3.14.\nWhat?! Yes"),
            "Pi is 3.14.\nWhat?!\nYes\n"
        );
        assert_eq!(
            split("He said \"No.\"x. \"Well...\"\" \n"),
            "He said \"No.\"x.\n\"Well...\"\"\n"
        );
        assert_eq!(split("Mr. Brown"), "Mr.\nBrown\n");
        assert_eq!(split(""), "");
    }

    #[test]
    fn novels_give_sentences_with_names() {
        let text = "I met John Smith there. I met john Smith there. John Smith was not there at all. \
            We saw old Mary Jones.";
        let names = |every| String::from_utf8(novel_sentences(text.as_bytes(), every)).unwrap();
        assert_eq!(
            names(1),
            "I met John Smith there.\nWe saw old Mary Jones.\n"
        );
        assert_eq!(names(2), "We saw old Mary Jones.\n");
    }

    #[test]
    fn two_capitalized_words_stand_side_by_side() {
        assert!(has_two_capitalized(b"of Lady Ann"));
        assert!(!has_two_capitalized(b"Lady Ann came"));
        assert!(!has_two_capitalized(b"of Lady's Ann"));
        assert!(!has_two_capitalized(b"of Lady, Ann"));
        assert!(!has_two_capitalized(b"of A Man"));
    }

    #[test]
    fn masc_loses_its_tags() {
        let text =
            b"Dear_JJ Mr._NNP snake_case_NN\n._. \nIt_PRP works_VBZ untagged ._.\n Too_RB short_JJ";
        assert_eq!(
            masc_sentences(text),
            b"Dear Mr. snake_case .\nIt works untagged .\n"
        );
    }

    #[test]
    fn masc_splits_within_a_token_too() {
        assert_eq!(split_at_stops(b"a_X b_.c_._ d_X"), b"a_X b_.c_.\n_ d_X");
    }
}
