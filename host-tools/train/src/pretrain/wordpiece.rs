//! A WordPiece vocabulary from text: characters, then again and again the two neighbouring pieces
//! that are met most often, as one (Sennrich et al., arXiv 1508.07909, whose merges Hugging Face's
//! `WordPieceTrainer` makes too).
//!
//! Where two pairs are met equally often, the one of older pieces comes first: the same text makes
//! the same vocabulary. Theirs depends on the order of a hash map that is seeded at random.

use crate::data::Document;
use embert::text::{Normalizer, for_each_word};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

/// What a vocabulary begins with.
pub const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Characters that become pieces, the most frequent ones.
const ALPHABET: usize = 1000;

/// Pairs that are met less often are not joined.
const LEAST: u64 = 2;

/// How often each word is met, of which pieces are made: what BERT's normalization and
/// pre-tokenization cut out.
pub fn word_counts(documents: &[Document], normalizer: Normalizer) -> BTreeMap<String, u64> {
    let count = |document: &Document| {
        let mut counts = HashMap::<String, u64>::new();
        for sentence in &document.sentences {
            for_each_word(sentence, normalizer, |word| match counts.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    counts.insert(word.into(), 1);
                }
            });
        }
        counts
    };
    let both = |mut a: HashMap<String, u64>, b: HashMap<String, u64>| {
        b.into_iter()
            .for_each(|(word, count)| *a.entry(word).or_default() += count);
        a
    };
    let counts = documents.par_iter().map(count).reduce(HashMap::new, both);
    counts.into_iter().collect()
}

/// A vocabulary of `size` pieces, or fewer where the words make no more; all special tokens are in
/// it. Words of rare characters, for which it has no room, count for nothing.
pub fn learn_pieces(words: &BTreeMap<String, u64>, size: usize) -> Vec<String> {
    let alphabet = alphabet(words, ALPHABET.min(size / 4));
    let known = words
        .iter()
        .filter(|(word, _)| word.chars().all(|c| alphabet.contains(&c)));
    let known: Vec<(&String, u64)> = known.map(|(word, count)| (word, *count)).collect();
    let inner: BTreeSet<char> = known
        .iter()
        .flat_map(|(word, _)| word.chars().skip(1))
        .collect();
    let mut pieces = Pieces::default();
    for special in SPECIAL {
        pieces.id(special.into());
    }
    for c in &alphabet {
        pieces.id(c.to_string());
    }
    for c in inner {
        pieces.id(format!("##{c}"));
    }
    let mut merges = Merges::new(&known, &mut pieces);
    while pieces.texts.len() < size
        && let Some(pair) = merges.most()
    {
        let joined = pieces.joined(pair);
        merges.join(pair, joined);
    }
    pieces.texts
}

fn alphabet(words: &BTreeMap<String, u64>, most: usize) -> BTreeSet<char> {
    let mut counts = BTreeMap::<char, u64>::new();
    for (word, count) in words {
        for c in word.chars() {
            *counts.entry(c).or_default() += count;
        }
    }
    let mut characters: Vec<(char, u64)> = counts.into_iter().collect();
    characters.sort_by_key(|(_, count)| Reverse(*count));
    let frequent = characters.into_iter().take(most);
    frequent.map(|(c, _)| c).collect()
}

/// Pieces by id and by text.
#[derive(Default)]
struct Pieces {
    texts: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Pieces {
    fn id(&mut self, text: String) -> u32 {
        let next = self.texts.len() as u32;
        *self.ids.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            next
        })
    }

    fn joined(&mut self, (a, b): Pair) -> u32 {
        let rest = self.texts[b as usize].trim_start_matches("##");
        self.id(self.texts[a as usize].clone() + rest)
    }
}

/// Two pieces side by side in a word.
type Pair = (u32, u32);

/// Words in pieces, as far as they are joined.
struct Merges {
    /// With how often each is met.
    words: Vec<(Vec<u32>, u64)>,
    counts: HashMap<Pair, u64>,
    /// Words that have or had the pair.
    places: HashMap<Pair, Vec<usize>>,
    /// Each pair with its count or a higher one, that it had before.
    queue: BinaryHeap<(u64, Reverse<Pair>)>,
}

impl Merges {
    fn new(words: &[(&String, u64)], pieces: &mut Pieces) -> Self {
        let mut id = |(place, c): (usize, char)| match place {
            0 => pieces.id(c.to_string()),
            _ => pieces.id(format!("##{c}")),
        };
        let words = words.iter().map(|(word, count)| {
            let ids = word.chars().enumerate().map(&mut id).collect();
            (ids, *count)
        });
        let mut merges = Merges {
            words: words.collect(),
            counts: HashMap::new(),
            places: HashMap::new(),
            queue: BinaryHeap::new(),
        };
        for (place, (ids, count)) in merges.words.iter().enumerate() {
            for pair in pairs(ids) {
                *merges.counts.entry(pair).or_default() += count;
                merges.places.entry(pair).or_default().push(place);
            }
        }
        let queued = merges.counts.iter();
        merges.queue = queued
            .map(|(pair, count)| (*count, Reverse(*pair)))
            .collect();
        merges
    }

    /// The pair that is met most often.
    fn most(&mut self) -> Option<Pair> {
        while let Some((count, Reverse(pair))) = self.queue.pop() {
            let now = self.counts.get(&pair).copied().unwrap_or_default();
            if now == count {
                return (count >= LEAST).then_some(pair);
            }
            if now >= LEAST {
                self.queue.push((now, Reverse(pair)));
            }
        }
        None
    }

    /// Makes one piece of a pair wherever it is met.
    fn join(&mut self, pair: Pair, joined: u32) {
        let mut new = BTreeSet::new();
        for place in self.places.remove(&pair).unwrap_or_default() {
            let (ids, count) = &mut self.words[place];
            for old in pairs(ids) {
                if let Some(counted) = self.counts.get_mut(&old) {
                    *counted -= *count;
                }
            }
            replace(ids, pair, joined);
            for pair in pairs(ids) {
                *self.counts.entry(pair).or_default() += *count;
                if pair.0 == joined || pair.1 == joined {
                    new.insert(pair);
                    self.places.entry(pair).or_default().push(place);
                }
            }
        }
        self.counts.remove(&pair);
        for pair in new {
            self.queue.push((self.counts[&pair], Reverse(pair)));
        }
    }
}

fn pairs(ids: &[u32]) -> impl Iterator<Item = Pair> {
    ids.windows(2).map(|pair| (pair[0], pair[1]))
}

fn replace(ids: &mut Vec<u32>, pair: Pair, joined: u32) {
    let mut kept = 0;
    let mut at = 0;
    while at < ids.len() {
        if ids[at] == pair.0 && ids.get(at + 1) == Some(&pair.1) {
            ids[kept] = joined;
            at += 2;
        } else {
            ids[kept] = ids[at];
            at += 1;
        }
        kept += 1;
    }
    ids.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(words: &[(&str, u64)], size: usize) -> Vec<String> {
        let words = words.iter().map(|(word, count)| ((*word).into(), *count));
        learn_pieces(&words.collect(), size)
    }

    #[test]
    fn frequent_neighbours_become_one() {
        let words = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)];
        let pieces = learn(&words, 40);
        assert_eq!(pieces[..5], SPECIAL);
        let characters = ["d", "e", "i", "l", "n", "o", "r", "s", "t", "w"];
        assert_eq!(pieces[5..15], characters);
        let inner = ["##d", "##e", "##i", "##o", "##r", "##s", "##t", "##w"];
        assert_eq!(pieces[15..23], inner);
        // e-s and es-t are met 9 times, l-o and lo-w 7 times, n-e and w-est 6 times.
        let joined = ["##es", "##est", "lo", "low", "ne", "##west", "newest"];
        assert_eq!(pieces[23..30], joined);
        // Nothing is joined that is met once, and nothing is learnt past what there is.
        assert_eq!(learn(&[("ab", 1)], 40).len(), 5 + 2 + 1);
        assert!(pieces.contains(&"widest".into()) && pieces.len() < 40);
    }

    #[test]
    fn a_pair_may_overlap_itself() {
        let pieces = learn(&[("aaaaa", 3)], 40);
        let expected = ["a", "##a", "##aa", "aaa", "aaaaa"];
        assert_eq!(pieces[5..], expected);
    }

    #[test]
    fn rare_characters_are_left_out_where_there_is_no_room() {
        let pieces = learn(&[("ab", 9), ("ac", 7), ("xz", 1)], 12);
        assert_eq!(pieces[5..], ["a", "b", "c", "##b", "##c", "ab", "ac"]);
    }
}
