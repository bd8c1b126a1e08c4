//! Tags of entities: what they mean, and other schemes made IOB2.

use super::{DataError, SourceLine};

/// A tag of the schemes IOB1, IOB2 and IO, with the type of its entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag<'a> {
    Outside,
    Begin(&'a str),
    Inside(&'a str),
}

impl<'a> Tag<'a> {
    /// `O`, `B-type` or `I-type`; in a task of one type, this may be left out.
    pub fn parse(tag: &'a str) -> Option<Self> {
        match (tag.split_at_checked(1)?, tag.get(1..2)) {
            (("O", ""), _) => Some(Tag::Outside),
            (("B", ""), _) => Some(Tag::Begin("_")),
            (("I", ""), _) => Some(Tag::Inside("_")),
            (("B", kind), Some("-")) if kind.len() > 1 => Some(Tag::Begin(&kind[1..])),
            (("I", kind), Some("-")) if kind.len() > 1 => Some(Tag::Inside(&kind[1..])),
            _ => None,
        }
    }

    /// The type of the entity, if it is in one.
    pub fn kind(self) -> Option<&'a str> {
        match self {
            Tag::Outside => None,
            Tag::Begin(kind) | Tag::Inside(kind) => Some(kind),
        }
    }
}

/// A tag of a sentence in IOB2, in which every entity begins with `B-`; `before` is the one before
/// it, in IOB2 already.
///
/// In IOB1 only the second of two touching entities of a type begins so, in IO none does. An
/// entity begins where one does for conlleval, at an `I-` with no entity of its type before it:
/// this changes no valid IOB2, so nobody needs to know what a file is in. Entities of the types
/// `ignored` are made `O`.
pub(super) fn iob2(
    tag: &str,
    before: Option<&String>,
    ignored: &[String],
    at: &SourceLine,
) -> Result<String, DataError> {
    let Some(meaning) = Tag::parse(tag) else {
        return Err(at.malformed(format!(
            "{tag:?} is no tag; tags are O, B- or I- with a type, as B-PER"
        )));
    };
    let before = before.and_then(|tag| Tag::parse(tag)?.kind());
    Ok(match meaning {
        _ if ignored.iter().any(|kind| meaning.kind() == Some(kind)) => "O".to_owned(),
        Tag::Inside(kind) if before != Some(kind) => tag.replacen('I', "B", 1),
        _ => tag.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn converted(tags: &str, ignored: &[&str]) -> Result<String, DataError> {
        let at = SourceLine {
            path: Path::new("a.conll").into(),
            line: 3,
        };
        let ignored: Vec<String> = ignored.iter().map(|&kind| kind.to_owned()).collect();
        let mut converted = Vec::new();
        for tag in tags.split(' ') {
            converted.push(iob2(tag, converted.last(), &ignored, &at)?);
        }
        Ok(converted.join(" "))
    }

    #[test]
    fn tags_have_a_meaning_or_none() {
        assert_eq!(Tag::parse("O"), Some(Tag::Outside));
        assert_eq!(
            Tag::parse("B-creative-work"),
            Some(Tag::Begin("creative-work"))
        );
        assert_eq!(Tag::parse("I"), Some(Tag::Inside("_")));
        for tag in ["", "o", "B-", "BPER", "E-PER", "OO", "ü", "Bü"] {
            assert_eq!(Tag::parse(tag), None, "{tag}");
        }
    }

    #[test]
    fn every_scheme_becomes_iob2() {
        for (tags, iob2) in [
            ("B-A I-A O B-A B-A I-A B-B", "B-A I-A O B-A B-A I-A B-B"),
            // IO: what touches is one entity.
            ("O I-A I-A O I-A I-B", "O B-A I-A O B-A B-B"),
            // IOB1: B- parts two of the same type.
            ("I-A I-A B-A I-A I-B", "B-A I-A B-A I-A B-B"),
            ("I I B O I", "B I B O B"),
        ] {
            assert_eq!(converted(tags, &[]).unwrap(), iob2);
        }
    }

    #[test]
    fn entities_of_some_types_can_be_left_out() {
        let tags = converted("B-OTH I-OTH I-A B-O O", &["OTH", "O"]);
        assert_eq!(tags.unwrap(), "O O B-A O O");
    }

    #[test]
    fn other_tags_are_an_error() {
        let error = converted("O S-PER", &[]).unwrap_err().to_string();
        assert!(
            error.starts_with("a.conll, line 3: \"S-PER\" is no tag"),
            "{error}"
        );
    }
}
