//! Hostile generated texts.

use proptest::prelude::*;

use super::oracle::{Both, SPECIAL, all_normalizers, small_vocabulary};

/// Ranges to draw characters from, so that they meet others of their kind.
const BLOCKS: &[(u32, u32)] = &[
    (0x00, 0x20),
    (0x20, 0x7F),
    (0x61, 0x7A),
    (0x7F, 0x180),
    (0x180, 0x250),
    (0x300, 0x36F),
    (0x370, 0x460),
    (0x590, 0x670),
    (0x8D0, 0x8FF),
    (0x900, 0xDF5),
    (0xE00, 0xFC0),
    (0xF71, 0xF85),
    (0x1100, 0x11FF),
    (0x1AB0, 0x1ABE),
    (0x1B00, 0x1BF3),
    (0x1DC0, 0x1FFF),
    (0x2000, 0x2070),
    (0x20D0, 0x218F),
    (0x3000, 0x30FF),
    (0x4E00, 0x4E20),
    (0xA953, 0xA9C0),
    (0xAC00, 0xAC40),
    (0xD7A0, 0xD7FF),
    (0xE000, 0xF910),
    (0xFDD0, 0xFE2F),
    (0xFF00, 0xFFFF),
    (0x1_0400, 0x1_0450),
    (0x1_1133, 0x1_15BF),
    (0x1_D157, 0x1_D172),
    (0x1_D1B9, 0x1_D1C0),
    (0x1_E000, 0x1_E02A),
    (0x1_E8D0, 0x1_E94B),
    (0x1_F3FB, 0x1_F650),
    (0x2_F800, 0x2_FA20),
    (0xE_0000, 0xE_01F0),
    (0x10_FFF0, 0x10_FFFF),
];

const FRAGMENTS: &[&str] = &[
    " ",
    " ",
    " ",
    "the",
    "The",
    "unhappiness",
    "tokenization",
    "Hello",
    "hello world",
    "don't",
    "[SEP]",
    "[CLS]",
    "[MASK]",
    "[UNK]",
    "[PAD]",
    "[sep]",
    "[SEP",
    "SEP]",
    "[[SEP]]",
    "[[",
    "##ing",
    "##",
    "\u{FFFD}",
    "\0",
    "\t",
    "\r\n",
    "\u{85}",
    "\u{A0}",
    "\u{2028}",
    "\u{200B}",
    "\u{200D}",
    "\u{FEFF}",
    "\u{AD}",
    "é",
    "e\u{301}",
    "e\u{323}\u{301}",
    "İ",
    "I\u{307}",
    "ß",
    "ẞ",
    "Σίσυφος",
    "ΑΣ",
    "中文",
    "中\u{301}文",
    "\u{F900}",
    "\u{2F800}",
    "한국어",
    "が",
    "か\u{3099}",
    "\u{302E}",
    "\u{1D15E}",
    "\u{1D160}\u{302E}\u{345}",
    "\u{1D165}",
    "\u{1D16D}",
    "\u{1B44}",
    "\u{8D4}",
    "\u{344}",
    "\u{F73}",
    "\u{F71}\u{F72}",
    "\u{327}\u{301}",
    "\u{37E}",
    "\u{1FEF}",
    "\u{212A}",
    "👩\u{200D}👩",
    "🏳\u{FE0F}",
];

/// A small deterministic generator (xorshift64*), so that a failure is the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }

    fn character(&mut self, &(first, last): &(u32, u32)) -> char {
        char::from_u32(first + self.below((last - first) as usize) as u32).unwrap_or('\u{FFFD}')
    }

    pub fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..1 + self.below(24) {
            match self.below(12) {
                0..=4 => text.push_str(FRAGMENTS[self.below(FRAGMENTS.len())]),
                5..=6 => text.push(' '),
                7 => {
                    // A word about as long as the limit, perhaps with marks in it.
                    let (c, mark) = (self.character(&(0x61, 0x64)), self.below(2) == 0);
                    for _ in 0..97 + self.below(6) {
                        text.push(c);
                        text.extend(mark.then_some('\u{301}'));
                    }
                }
                8 => {
                    let marks = [
                        '\u{302E}',
                        '\u{301}',
                        '\u{323}',
                        '\u{1D165}',
                        '\u{1B44}',
                        '\u{8D4}',
                        '\u{345}',
                    ];
                    text.extend((0..self.below(40)).map(|_| marks[self.below(marks.len())]));
                }
                _ => {
                    let block = &BLOCKS[self.below(BLOCKS.len())];
                    text.extend((0..1 + self.below(8)).map(|_| self.character(block)));
                }
            }
        }
        text
    }
}

#[test]
fn seeded_texts_are_tokenized_as_by_the_reference() {
    let mut both = Both::new(&small_vocabulary(), &SPECIAL, 100);
    let mut random = Random(0x5EED);
    let mut tokens = 0;
    for normalizer in all_normalizers() {
        both.set_normalizer(normalizer);
        for _ in 0..1_000 {
            let text = random.text();
            tokens += both
                .compare(&text)
                .unwrap_or_else(|difference| panic!("{difference}"));
        }
    }
    assert!(
        tokens > 100_000,
        "the texts have too few tokens to show anything: {tokens}"
    );
}

#[test]
fn short_word_limits_and_odd_added_tokens_behave_as_in_the_reference() {
    // Added tokens that overlap, begin alike, occur as plain words, or hold spaces and non-ASCII.
    let odd = [
        "the",
        "[SEP]x",
        "two words",
        "é",
        "中文",
        "a\u{302E}",
        "[CLS]",
        "[SEP]",
    ];
    for max_word_chars in [0, 1, 5, 128] {
        let mut both = Both::new(&small_vocabulary(), &odd, max_word_chars);
        let mut random = Random(0xADDED);
        for normalizer in all_normalizers() {
            both.set_normalizer(normalizer);
            for _ in 0..60 {
                let text = random.text() + "[SEP]xthe two words\u{301}[CLS" + &random.text();
                both.compare(&text)
                    .unwrap_or_else(|difference| panic!("{difference}"));
            }
        }
    }
}

#[test]
fn a_long_run_of_marks_takes_linear_time() {
    let mut both = Both::new(&small_vocabulary(), &SPECIAL, 100);
    for normalizer in all_normalizers() {
        both.set_normalizer(normalizer);
        let marks = "\u{302E}\u{301}\u{1D165}\u{1B44}\u{345}".repeat(20_000);
        both.compare(&format!("a{marks} {marks}\u{1D15E}{marks}e"))
            .unwrap_or_else(|d| panic!("{d}"));
    }
}

fn fragment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(FRAGMENTS).prop_map(String::from),
        3 => prop::sample::select(BLOCKS)
            .prop_flat_map(|(first, last)| prop::collection::vec(first..last, 1..5))
            .prop_map(|codes| codes.into_iter().filter_map(char::from_u32).collect()),
        1 => any::<String>(),
        1 => "[a-c]{95,105}",
    ]
}

proptest! {
    #[test]
    fn any_text_is_tokenized_as_by_the_reference(
        fragments in prop::collection::vec(fragment(), 0..12),
        normalizer in prop::sample::select(all_normalizers()),
    ) {
        thread_local! {
            static BOTH: std::cell::RefCell<Both> = Both::new(&small_vocabulary(), &SPECIAL, 100).into();
        }
        BOTH.with_borrow_mut(|both| {
            both.set_normalizer(normalizer);
            both.compare(&fragments.concat()).map_err(TestCaseError::fail)
        })?;
    }
}
