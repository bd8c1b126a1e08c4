//! More sentences of the same kind: entities of a type take each other's place (Dai and Adel, "An
//! Analysis of Simple Data Augmentation for Named Entity Recognition", 2020, mention replacement), and
//! words of any text that of the names of songs, books and people: texts to come are full of names
//! that no one has seen, and what surrounds a name must do to find it.

use crate::data::LabelledWords;
use crate::random::Random;
use std::collections::BTreeMap;
use std::ops::Range;

/// Words of an entity.
type Mention = Vec<String>;

/// What entities of a type are called.
#[derive(Default)]
struct Names {
    /// Each once: what is frequent should not be more so.
    names: Vec<Mention>,
    /// How probable it is that the next entity has a name that was not seen: the share of names seen
    /// once (Good, "The Population Frequencies of Species", 1953, with Turing's formula).
    new: f64,
}

impl Names {
    fn of(mut mentions: Vec<Mention>) -> Self {
        let count = mentions.len();
        mentions.sort_unstable();
        let once = mentions
            .chunk_by(|a, b| a == b)
            .filter(|same| same.len() == 1);
        let new = once.count() as f64 / count as f64;
        mentions.dedup();
        Names {
            names: mentions,
            new,
        }
    }

    /// One of these names, or words of one of the texts that could be another.
    fn draw(&self, texts: &[String], random: &mut Random) -> Mention {
        let name = &self.names[random.below(self.names.len())];
        if texts.is_empty() || f64::from(random.uniform()) >= self.new {
            return name.clone();
        }
        let text = &texts[random.below(texts.len())];
        let bare = text
            .split_whitespace()
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
        let words: Vec<&str> = bare.filter(|word| !word.is_empty()).collect();
        let Some(places) = (words.len() + 1)
            .checked_sub(name.len())
            .filter(|&places| places > 0)
        else {
            return name.clone();
        };
        let start = random.below(places);
        let words = &words[start..start + name.len()];
        words.iter().map(|&word| word.to_owned()).collect()
    }
}

/// `count` sentences made of those given: each a sentence that is there, half of whose entities are
/// others of their types. Where there are `texts`, as many of these as are new in their types are
/// words that stand together in one of them, as many as an entity of the type has.
pub fn replace_mentions(
    rows: &[LabelledWords],
    texts: &[String],
    count: usize,
    seed: u64,
) -> Vec<LabelledWords> {
    let mut mentions: BTreeMap<&str, Vec<Mention>> = BTreeMap::new();
    for row in rows {
        for (kind, words) in entities(row) {
            let mention = row.words[words].to_vec();
            mentions.entry(kind).or_default().push(mention);
        }
    }
    let mentions = mentions
        .into_iter()
        .map(|(kind, all)| (kind, Names::of(all)));
    let mentions = mentions.collect();
    let with_entities = |row: &&LabelledWords| row.tags.iter().any(|tag| tag != "O");
    let rows: Vec<&LabelledWords> = rows.iter().filter(with_entities).collect();
    let mut random = Random(seed);
    let count = if rows.is_empty() { 0 } else { count };
    let new = (0..count).map(|_| {
        let row = rows[random.below(rows.len())];
        exchange(row, &mentions, texts, &mut random)
    });
    new.collect()
}

fn exchange(
    row: &LabelledWords,
    mentions: &BTreeMap<&str, Names>,
    texts: &[String],
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
        let name = match random.below(2) {
            0 => row.words[words].to_vec(),
            _ => mentions[kind].draw(texts, random),
        };
        new.tags.extend((0..name.len()).map(|word| match word {
            0 => format!("B-{kind}"),
            _ => format!("I-{kind}"),
        }));
        new.words.extend(name);
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
    use crate::data::SourceLine;
    use std::path::Path;

    fn row(words: &str, tags: &str, intent: &str) -> LabelledWords {
        let all = |text: &str| text.split(' ').map(str::to_owned).collect();
        LabelledWords {
            at: SourceLine {
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
        let new = replace_mentions(&rows, &[], 200, 3);
        assert_eq!(
            new,
            replace_mentions(&rows, &[], 200, 3),
            "the seed decides"
        );
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
        assert_eq!(replace_mentions(&rows[3..], &[], 5, 1), []);
    }

    #[test]
    fn new_names_are_words_of_a_text() {
        let rows = [
            row("play let it be", "O B-song I-song I-song", "music"),
            row("rain in rome", "O O B-city", "weather"),
            row("rain in rome again", "O O B-city O", "weather"),
        ];
        let texts = ["\"Call me Ishmael.\"".to_owned(), "too short".into()];
        let new = replace_mentions(&rows, &texts, 50, 3);
        let texts: Vec<String> = new.iter().map(|row| row.words.join(" ")).collect();
        assert!(texts.iter().any(|text| text == "play Call me Ishmael"));
        assert!(texts.iter().any(|text| text == "play let it be"));
        // Every song was new when it was seen, no city was.
        assert!(
            texts
                .iter()
                .all(|text| !text.starts_with("rain") || text.contains("rome"))
        );
        assert!(new.iter().all(|row| row.words.len() == row.tags.len()));
    }
}
