//! Augmented texts for a teacher to label: excerpts of the training texts with words replaced by
//! neighbours in the embedding space (Jiao et al., TinyBERT, arXiv 1909.10351, algorithm 1; Tang et
//! al., arXiv 1903.12136, section 3.2). They need not keep the meaning of the text, since the teacher
//! labels them anew.

use crate::random::Random;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use std::collections::{HashMap, HashSet};

/// How many words of a thesaurus are like a word, at most.
const NEAR: usize = 15;

/// How probable it is that a word with others like it is replaced by one of these.
const REPLACED: f32 = 0.3;

/// How probable it is that a text is cut to a piece, and the most words that such a piece has.
const CUT: f32 = 0.2;
const PIECE: usize = 8;

/// Words, and those that a model embeds next to them.
#[derive(Clone, Debug)]
pub struct Thesaurus {
    near: HashMap<String, Vec<String>>,
}

impl Thesaurus {
    /// For the words of texts, of a model's pieces and their embeddings, `[pieces x channels]`. Words
    /// here are pieces of two lower-case letters or more that begin a word.
    pub fn new(pieces: &[String], embeddings: &[f32], texts: &[String]) -> Self {
        let is_word =
            |piece: &str| piece.len() > 1 && piece.bytes().all(|byte| byte.is_ascii_lowercase());
        let words = pieces.iter().enumerate();
        let words = words.filter(|(_, piece)| is_word(piece));
        let (rows, words): (Vec<usize>, Vec<&str>) =
            words.map(|(row, piece)| (row, piece.as_str())).unzip();
        let channels = embeddings.len() / pieces.len().max(1);
        let table = ArrayView2::from_shape((pieces.len(), channels), embeddings);
        let table = table.expect("a row of each piece").select(Axis(0), &rows);
        let table = unit(table);
        let of_texts = texts.iter().flat_map(|text| text.split_whitespace());
        let of_texts: HashSet<String> = of_texts.map(plain).collect();
        let wanted = words.iter().enumerate();
        let wanted: Vec<usize> = wanted
            .filter(|(_, word)| of_texts.contains(**word))
            .map(|(row, _)| row)
            .collect();
        let near = wanted.par_chunks(256).flat_map_iter(|some| {
            let likeness = table.select(Axis(0), some).dot(&table.t());
            let lists = some.iter().zip(likeness.outer_iter());
            let lists = lists.map(|(&row, likeness)| {
                let mut others: Vec<usize> = (0..words.len()).filter(|&o| o != row).collect();
                let nearest = |a: &usize, b: &usize| likeness[*b].total_cmp(&likeness[*a]);
                if others.len() > NEAR {
                    others.select_nth_unstable_by(NEAR, nearest);
                    others.truncate(NEAR);
                }
                others.sort_unstable();
                let others = others.iter().map(|&other| words[other].to_owned());
                (words[row].to_owned(), others.collect())
            });
            lists.collect::<Vec<_>>()
        });
        Thesaurus {
            near: near.collect(),
        }
    }
}

/// Rows of length one.
fn unit(mut table: Array2<f32>) -> Array2<f32> {
    for mut row in table.outer_iter_mut() {
        let length = row.dot(&row).sqrt().max(1e-9);
        row /= length;
    }
    table
}

/// A word in lower case without the punctuation around it, as a thesaurus has it.
fn plain(word: &str) -> String {
    bare(word).to_lowercase()
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

/// At most `count` texts made of those given, none of which is among them and no two of which are
/// equal: fewer where the texts do not yield so many. A text is as probable as it is long: of short ones
/// there is less to make, and small models find long ones hard.
pub fn substitute_words(
    texts: &[String],
    thesaurus: &Thesaurus,
    count: usize,
    seed: u64,
) -> Vec<String> {
    let there: HashSet<&str> = texts.iter().map(String::as_str).collect();
    let mut words = 0;
    let ends = texts.iter().map(|text| {
        words += text.split_whitespace().count();
        words
    });
    let ends: Vec<usize> = ends.collect();
    let mut random = Random(seed);
    let mut new = Vec::new();
    let mut made = HashSet::new();
    // Short texts say the same again and again.
    for _ in 0..if words == 0 { 0 } else { 2 * count } {
        if new.len() == count {
            break;
        }
        let word = random.below(words);
        let text = &texts[ends.partition_point(|&end| end <= word)];
        let text = rewrite(text, thesaurus, &mut random);
        if !there.contains(text.as_str()) && made.insert(text.clone()) {
            new.push(text);
        }
    }
    new
}

/// Of a text with words.
fn rewrite(text: &str, thesaurus: &Thesaurus, random: &mut Random) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let cut = random.uniform() < CUT;
    let length = match cut {
        true => 1 + random.below(words.len().min(PIECE)),
        false => words.len(),
    };
    let start = random.below(words.len() - length + 1);
    let piece = words[start..start + length].iter();
    let piece: Vec<String> = piece
        .map(|word| match thesaurus.near.get(&plain(word)) {
            Some(near) if !near.is_empty() && random.uniform() < REPLACED => {
                word.replacen(bare(word), &near[random.below(near.len())], 1)
            }
            _ => (*word).to_owned(),
        })
        .collect();
    piece.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn words_are_replaced_by_those_embedded_next_to_them() {
        let mut pieces = all(&["[UNK]", "##ly", "bad", "film", "good", "movie", "x"]);
        let mut embeddings = vec![
            1.0, 0.0, // [UNK]
            1.0, 0.1, // ##ly
            1.0, 0.2, // bad
            0.1, 1.0, // film
            1.0, 0.3, // good
            0.2, 1.0, // movie
            1.0, 0.2, // x
        ];
        // So many others that the list of what is near is full without the far ones.
        for (place, name) in ["aa", "bb"].iter().enumerate() {
            for letter in 'a'..='n' {
                pieces.push(format!("{name}{letter}"));
                let angle = 0.02 * f32::from(letter as u8 - b'a');
                embeddings.extend([[1.0, angle], [angle, 1.0]][place]);
            }
        }
        let texts = all(&["A good, old film"]);
        let thesaurus = Thesaurus::new(&pieces, &embeddings, &texts);
        let near = |word: &str| thesaurus.near[word].iter();
        assert_eq!(near("good").len(), NEAR);
        assert!(near("good").any(|word| word == "bad"));
        assert!(near("film").any(|word| word == "movie"));
        assert!(near("film").all(|word| word == "movie" || word.starts_with("bb")));
        assert!(!thesaurus.near.contains_key("bad"), "no text has it");

        let new = substitute_words(&texts, &thesaurus, 40, 1);
        assert_eq!(
            new,
            substitute_words(&texts, &thesaurus, 40, 1),
            "the seed decides"
        );
        assert_eq!(new.len(), 40);
        assert_eq!(new.iter().collect::<HashSet<_>>().len(), 40);
        assert!(new.iter().all(|text| !texts.contains(text)));
        assert!(
            new.iter().any(|text| text.ends_with(", old movie")),
            "{new:?}"
        );
        assert!(new.iter().all(|text| !text.contains("ly")));
    }

    #[test]
    fn few_texts_yield_few() {
        let texts = all(&["a b", "c"]);
        let thesaurus = Thesaurus::new(&[], &[], &texts);
        let mut new = substitute_words(&texts, &thesaurus, 100, 1);
        new.sort_unstable();
        assert_eq!(new, ["a", "b"]);
        assert!(substitute_words(&[], &thesaurus, 100, 1).is_empty());
        assert!(substitute_words(&all(&[" "]), &thesaurus, 100, 1).is_empty());
    }
}
