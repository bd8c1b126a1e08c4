//! Texts that models are judged by, which none may have learnt from: data sets borrow from each other,
//! with other spaces and quotation marks, and sentences cut shorter.

use super::{LabelledText, LabelledWords};
use std::collections::HashSet;

/// So many letters and digits in a row make two texts one, wherever they stand.
const RUN: usize = 30;
/// A shorter text is known again within another one if it has so many.
const SHORT: usize = 10;

/// Texts, compared by their letters and digits alone.
#[derive(Clone, Debug, Default)]
pub struct HeldOut {
    runs: HashSet<Vec<char>>,
    /// Texts that are shorter than a run.
    short: Vec<Vec<char>>,
}

impl HeldOut {
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a String>) -> Self {
        let mut held_out = Self::default();
        for text in texts {
            let text = letters(text);
            let runs = text.windows(RUN).map(<[char]>::to_vec);
            held_out.runs.extend(runs);
            if (1..RUN).contains(&text.len()) {
                held_out.short.push(text);
            }
        }
        held_out
    }

    /// Whether the text is one of these, has one of 10 letters and digits or more within it, or
    /// shares 30 in a row with one.
    pub fn has(&self, text: &str) -> bool {
        let text = letters(text);
        let within = |short: &Vec<char>| {
            *short == text
                || short.len() >= SHORT && text.windows(short.len()).any(|part| part == short)
        };
        text.windows(RUN).any(|run| self.runs.contains(run)) || self.short.iter().any(within)
    }

    pub fn has_text(&self, row: &LabelledText) -> bool {
        self.has(&row.text) || row.pair.as_ref().is_some_and(|pair| self.has(pair))
    }

    pub fn has_words(&self, row: &LabelledWords) -> bool {
        self.has(&row.words.concat())
    }
}

fn letters(text: &str) -> Vec<char> {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_again_by_its_letters() {
        let long = "It's a charming and often affecting journey .".to_owned();
        let held_out = HeldOut::new([&long, &"unflinchingly bleak".to_owned()]);
        assert!(held_out.has("its a CHARMING, and often affecting journey"));
        assert!(held_out.has("(un-flinchingly \"bleak\")"));
        // 30 letters of it, but not 29.
        assert!(held_out.has("so charming and often affecting journeys begin"));
        assert!(held_out.has("arming and often affecting journey"));
        assert!(!held_out.has("rming and often affecting journey"));
        assert!(held_out.has("an unflinchingly bleak one"));
        assert!(!held_out.has("unflinchingly bright"));
        assert!(!held_out.has(""));
    }
}
