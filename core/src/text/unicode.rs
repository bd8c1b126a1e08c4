//! Character properties, as the Hugging Face tokenizer sees them (see `unicode_tables`).

use super::unicode_tables::{
    CLASSES, DECOMPOSED, DECOMPOSED_RANGES, DECOMPOSED_STARTS, EXPANSIONS, LOWERCASE_DELTAS,
    LOWERCASE_RANGES,
};

/// General category and combining class of one character, as far as the normalizer cares.
#[derive(Clone, Copy)]
pub(super) struct Class(u8);

impl Class {
    pub fn of(c: char) -> Self {
        let code = u32::from(c);
        let next = CLASSES.partition_point(|&entry| entry >> 8 <= code);
        // The first entry is for code point 0, so there always is one before `next`.
        Self(
            CLASSES
                .get(next.wrapping_sub(1))
                .map_or(0, |&entry| entry as u8),
        )
    }

    /// Control, format or private use (Cc, Cf, Co).
    pub fn is_other(self) -> bool {
        self.0 & 1 != 0
    }

    /// ASCII punctuation and symbols, or any of P*.
    pub fn is_punctuation(self) -> bool {
        self.0 & 2 != 0
    }

    /// Nonspacing mark (Mn).
    pub fn is_nonspacing(self) -> bool {
        self.0 & 4 != 0
    }

    /// 0 for a starter; else marks of a higher rank sort behind those of a lower one. The order
    /// is that of the canonical combining classes, without the distances.
    pub fn rank(self) -> u8 {
        self.0 >> 4
    }
}

/// The characters that BERT surrounds with spaces: CJK ideographs, not kana or hangul.
pub(super) fn is_chinese(c: char) -> bool {
    matches!(
        c,
        '\u{4E00}'..='\u{9FFF}'
            | '\u{3400}'..='\u{4DBF}'
            | '\u{20000}'..='\u{2A6DF}'
            | '\u{2A700}'..='\u{2B73F}'
            | '\u{2B740}'..='\u{2B81F}'
            // From 2B920, not 2B820: so it stands in the reference implementation.
            | '\u{2B920}'..='\u{2CEAF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{2F800}'..='\u{2FA1F}'
    )
}

/// Lower case of one character: itself where there is none, and a second character for U+0130.
pub(super) fn lowercase(c: char) -> (char, Option<char>) {
    if c.is_ascii() {
        return (c.to_ascii_lowercase(), None);
    }
    if c == '\u{130}' {
        return ('i', Some('\u{307}'));
    }
    let code = u32::from(c);
    let next = LOWERCASE_RANGES.partition_point(|&range| range >> 12 <= code);
    let index = next.wrapping_sub(1);
    if let (Some(&range), Some(&delta)) = (LOWERCASE_RANGES.get(index), LOWERCASE_DELTAS.get(index))
    {
        let (first, span, stride) = (range >> 12, range >> 1 & 0x7FF, (range & 1) + 1);
        let distance = code.wrapping_sub(first);
        if distance <= span && distance % stride == 0 {
            let lower = code.wrapping_add_signed(delta);
            return (char::from_u32(lower).unwrap_or(c), None);
        }
    }
    (c, None)
}

/// Up to three characters.
#[derive(Clone, Copy)]
pub(super) struct Few {
    chars: [char; 3],
    len: u8,
}

impl Few {
    pub const NONE: Self = Self {
        chars: ['\0'; 3],
        len: 0,
    };

    pub fn one(c: char) -> Self {
        Self {
            chars: [c, '\0', '\0'],
            len: 1,
        }
    }

    /// Drops `c` when full: no character has a longer expansion.
    pub fn push(&mut self, c: char) {
        if let Some(slot) = self.chars.get_mut(usize::from(self.len)) {
            *slot = c;
            self.len += 1;
        }
    }

    pub fn as_slice(&self) -> &[char] {
        self.chars.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// The full canonical decomposition of `c` without its nonspacing marks.
pub(super) fn stripped(c: char, class: Class) -> Few {
    if class.is_nonspacing() {
        return Few::NONE;
    }
    if matches!(c, '\u{AC00}'..='\u{D7A3}') {
        return hangul(c);
    }
    let code = u32::from(c);
    let next = DECOMPOSED_RANGES.partition_point(|&range| range >> 12 <= code);
    let index = next.wrapping_sub(1);
    let (Some(&range), Some(&start)) = (DECOMPOSED_RANGES.get(index), DECOMPOSED_STARTS.get(index))
    else {
        return Few::one(c);
    };
    let distance = code - (range >> 12);
    if distance >= range & 0xFFF {
        return Few::one(c);
    }
    let value = DECOMPOSED
        .get(usize::from(start) + distance as usize)
        .map_or(code, |&v| v.into());
    match char::from_u32(value) {
        Some(single) => Few::one(single),
        None => expansion((value - 0xD800) as usize),
    }
}

fn expansion(offset: usize) -> Few {
    let mut few = Few::NONE;
    let sequence = EXPANSIONS.get(offset..).unwrap_or_default();
    let length = sequence.first().map_or(0, |first| first >> 24) as usize;
    for code in sequence.iter().take(length) {
        few.push(char::from_u32(code & 0xFF_FFFF).unwrap_or('\0'));
    }
    few
}

/// Unicode Standard, section 3.12: a syllable is a number in mixed radix.
fn hangul(c: char) -> Few {
    let index = u32::from(c) - 0xAC00;
    let (lead, vowel, tail) = (index / 588, index % 588 / 28, index % 28);
    let mut few = Few::NONE;
    for (base, part, present) in [
        (0x1100, lead, true),
        (0x1161, vowel, true),
        (0x11A7, tail, tail > 0),
    ] {
        if present {
            few.push(char::from_u32(base + part).unwrap_or('\0'));
        }
    }
    few
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(c: char) -> Few {
        stripped(c, Class::of(c))
    }

    #[test]
    fn the_first_and_the_last_code_point_have_a_class() {
        assert!(Class::of('\0').is_other());
        assert!(Class::of('\u{10FFFD}').is_other());
        assert!(!Class::of('\u{10FFFF}').is_other());
    }

    #[test]
    fn punctuation_holds_ascii_symbols_but_no_others() {
        for c in "!$+<=>^`|~_-\u{2019}\u{3002}".chars() {
            assert!(Class::of(c).is_punctuation(), "{c:?}");
        }
        for c in "a0 \u{20AC}\u{2211}\u{301}".chars() {
            assert!(!Class::of(c).is_punctuation(), "{c:?}");
        }
    }

    #[test]
    fn ranks_follow_the_combining_classes() {
        // Classes 0, 9, 129, 216, 224, 230.
        let marks = [
            'a',
            '\u{1B44}',
            '\u{F71}',
            '\u{1D165}',
            '\u{302E}',
            '\u{301}',
        ];
        assert!(marks.is_sorted_by_key(|&c| Class::of(c).rank()));
        assert_eq!(Class::of('a').rank(), 0);
        assert!(Class::of('\u{1B44}').rank() < Class::of('\u{F71}').rank());
    }

    #[test]
    fn lower_case_follows_ranges_of_both_strides() {
        assert_eq!(lowercase('Q'), ('q', None));
        assert_eq!(lowercase('É'), ('é', None));
        assert_eq!(lowercase('×'), ('×', None));
        assert_eq!(lowercase('Ā'), ('ā', None));
        assert_eq!(lowercase('ā'), ('ā', None));
        assert_eq!(lowercase('\u{10427}'), ('\u{1044F}', None));
        assert_eq!(lowercase('İ'), ('i', Some('\u{307}')));
    }

    #[test]
    fn decomposition_leaves_no_nonspacing_marks() {
        assert_eq!(left('é').as_slice(), ['e']);
        assert_eq!(left('ệ').as_slice(), ['e']);
        assert_eq!(left('q').as_slice(), ['q']);
        assert_eq!(left('\u{301}').as_slice(), []);
        assert_eq!(left('\u{9CB}').as_slice(), ['\u{9C7}', '\u{9BE}']);
        assert_eq!(
            left('\u{1D160}').as_slice(),
            ['\u{1D158}', '\u{1D165}', '\u{1D16E}']
        );
        assert_eq!(left('\u{2F800}').as_slice(), ['\u{4E3D}']);
        assert_eq!(left('\u{2F801}').as_slice(), ['\u{4E38}']);
        assert_eq!(left('\u{2F803}').as_slice(), ['\u{20122}']);
        assert_eq!(left('가').as_slice(), ['\u{1100}', '\u{1161}']);
        assert_eq!(left('힣').as_slice(), ['\u{1112}', '\u{1175}', '\u{11C2}']);
    }
}
