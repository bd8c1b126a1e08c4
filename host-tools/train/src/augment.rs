//! More sentences of the same kind: entities of a type take each other's place (Dai and Adel, "An
//! Analysis of Simple Data Augmentation for Named Entity Recognition", 2020, mention replacement).

use crate::data::LabelledWords;
use crate::random::Random;
use std::collections::BTreeMap;
use std::ops::Range;

/// Words of an entity.
type Mention = Vec<String>;

/// `count` sentences made of those given: each a sentence that is there, half of whose entities are
/// others of their types.
pub fn exchanged(rows: &[LabelledWords], count: usize, seed: u64) -> Vec<LabelledWords> {
    let mut mentions: BTreeMap<&str, Vec<Mention>> = BTreeMap::new();
    for row in rows {
        for (kind, words) in entities(row) {
            let mention = row.words[words].to_vec();
            mentions.entry(kind).or_default().push(mention);
        }
    }
    // What is frequent should not be more so.
    for all in mentions.values_mut() {
        all.sort_unstable();
        all.dedup();
    }
    let with_entities = |row: &&LabelledWords| row.tags.iter().any(|tag| tag != "O");
    let rows: Vec<&LabelledWords> = rows.iter().filter(with_entities).collect();
    let mut random = Random(seed);
    let count = if rows.is_empty() { 0 } else { count };
    let new = (0..count).map(|_| {
        let row = rows[random.below(rows.len())];
        exchange(row, &mentions, &mut random)
    });
    new.collect()
}

fn exchange(
    row: &LabelledWords,
    mentions: &BTreeMap<&str, Vec<Mention>>,
    random: &mut Random,
) -> LabelledWords {
    let mut new = LabelledWords {
        words: Vec::new(),
        tags: Vec::new(),
        ..row.clone()
    };
    let mut next = 0;
    for (kind, words) in entities(row) {
        new.words.extend_from_slice(&row.words[next..words.start]);
        new.tags.extend_from_slice(&row.tags[next..words.start]);
        next = words.end;
        let others = &mentions[kind];
        match random.below(2) {
            0 => {
                new.words.extend_from_slice(&row.words[words.clone()]);
                new.tags.extend_from_slice(&row.tags[words]);
            }
            _ => {
                let mention = &others[random.below(others.len())];
                new.words.extend_from_slice(mention);
                let tags = (0..mention.len()).map(|word| match word {
                    0 => format!("B-{kind}"),
                    _ => format!("I-{kind}"),
                });
                new.tags.extend(tags);
            }
        }
    }
    new.words.extend_from_slice(&row.words[next..]);
    new.tags.extend_from_slice(&row.tags[next..]);
    new
}

/// The entities of a sentence: type and words. Tags are in IOB2, as readers give them.
fn entities(row: &LabelledWords) -> Vec<(&str, Range<usize>)> {
    let mut entities: Vec<(&str, Range<usize>)> = Vec::new();
    for (word, tag) in row.tags.iter().enumerate() {
        let Some((mark, kind)) = tag.split_once('-') else {
            continue;
        };
        match entities.last_mut() {
            Some((last, words)) if mark == "I" && *last == kind && words.end == word => {
                words.end += 1;
            }
            _ => entities.push((kind, word..word + 1)),
        }
    }
    entities
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Place;
    use std::path::Path;

    fn row(words: &str, tags: &str, intent: &str) -> LabelledWords {
        let all = |text: &str| text.split(' ').map(str::to_owned).collect();
        LabelledWords {
            at: Place {
                path: Path::new("words").into(),
                line: 1,
            },
            words: all(words),
            tags: all(tags),
            intent: Some(intent.into()),
        }
    }

    #[test]
    fn entities_take_each_others_place() {
        let rows = [
            row("play let it be", "O B-song I-song I-song", "music"),
            row("play yesterday now", "O B-song O", "music"),
            row("rain in rome", "O O B-city", "weather"),
            row("hello", "O", "greeting"),
        ];
        let new = exchanged(&rows, 200, 3);
        assert_eq!(new, exchanged(&rows, 200, 3), "the seed decides");
        assert_eq!(new.len(), 200);
        let found = |words: &str, tags: &str| {
            let split =
                |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
            let (words, tags) = (split(words), split(tags));
            new.iter().any(|row| row.words == words && row.tags == tags)
        };
        assert!(found("play yesterday", "O B-song"));
        assert!(found("play let it be now", "O B-song I-song I-song O"));
        assert!(found("rain in rome", "O O B-city"));
        assert!(new.iter().all(|row| row.words.len() == row.tags.len()));
        assert!(new.iter().all(|row| row.words[0] != "hello"));
        assert_eq!(exchanged(&rows[3..], 5, 1), []);
    }
}
