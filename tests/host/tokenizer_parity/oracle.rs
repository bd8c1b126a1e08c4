//! The `tokenizers` crate beside embert's tokenizer, made from the same parts.

use std::collections::{HashMap, HashSet};

use embert::text::{Encoding, Normalizer, Token, Tokenizer, TokenizerParts, Vocabulary};
use embert_tools::blob::vocabulary::{AddedToken, build};
use serde_json::json;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::{TruncationParams, TruncationStrategy};

pub const UNCASED: Normalizer = Normalizer {
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: true,
    lowercase: true,
};
pub const CASED: Normalizer = Normalizer {
    strip_accents: false,
    lowercase: false,
    ..UNCASED
};
/// Lower case and nothing else.
pub const LOWERCASE: Normalizer = Normalizer {
    clean_text: false,
    handle_chinese_chars: false,
    strip_accents: false,
    lowercase: true,
};

/// All 16 settings, the usual ones first.
pub fn all_normalizers() -> Vec<Normalizer> {
    (0..16)
        .map(|bits| Normalizer {
            clean_text: bits & 1 == 0,
            handle_chinese_chars: bits & 2 == 0,
            strip_accents: bits & 4 == 0,
            lowercase: bits & 8 == 0,
        })
        .collect()
}

/// Both tokenizers.
pub struct Both {
    pub reference: tokenizers::Tokenizer,
    /// Parsed once: the sections of some tests are large.
    vocabulary: Vocabulary<'static>,
    /// The reference's ids by ours.
    ids: Vec<u32>,
    normalizer: Normalizer,
    special: [u32; 3],
    max_word_chars: usize,
}

impl Both {
    /// From the lines of a `vocab.txt`, in which the tokens to be found in raw text must be.
    pub fn new(pieces: &[String], added: &[&str], max_word_chars: usize) -> Self {
        // The last of equal pieces counts, as in `WordPiece::read_file`.
        let ids: HashMap<&str, u32> = pieces.iter().map(String::as_str).zip(0..).collect();
        let added_tokens: Vec<_> = added
            .iter()
            .map(|token| {
                json!({
                    "id": ids[token], "content": token, "special": true, "normalized": false,
                    "single_word": false, "lstrip": false, "rstrip": false,
                })
            })
            .collect();
        let tokenizer = json!({
            "version": "1.0",
            "added_tokens": added_tokens,
            "normalizer": null,
            "pre_tokenizer": { "type": "BertPreTokenizer" },
            "post_processor": {
                "type": "BertProcessing",
                "cls": ["[CLS]", ids["[CLS]"]],
                "sep": ["[SEP]", ids["[SEP]"]],
            },
            "decoder": null,
            "model": {
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": max_word_chars, "vocab": ids,
            },
        });
        let reference = serde_json::from_value(tokenizer).unwrap();
        let added: Vec<AddedToken> = added
            .iter()
            .map(|token| AddedToken {
                id: ids[token],
                in_model: true,
            })
            .collect();
        Self::assemble(reference, pieces, &added, max_word_chars)
    }

    /// From a tokenizer of the reference, but for its normalizer and its truncation.
    pub fn of(reference: tokenizers::Tokenizer) -> Self {
        let in_model = reference.get_vocab(false);
        let all = reference.get_vocab(true);
        let mut pieces = vec![String::new(); 1 + *all.values().max().unwrap() as usize];
        for (piece, &id) in &all {
            pieces[id as usize].clone_from(piece);
        }
        let added = reference.get_added_tokens_decoder();
        let added: Vec<AddedToken> = added
            .iter()
            .map(|(&id, token)| AddedToken {
                id,
                in_model: in_model.contains_key(&token.content),
            })
            .collect();
        Self::assemble(reference, &pieces, &added, 100)
    }

    fn assemble(
        mut reference: tokenizers::Tokenizer,
        pieces: &[String],
        added: &[AddedToken],
        max_word_chars: usize,
    ) -> Self {
        reference.with_padding(None).with_truncation(None).unwrap();
        let special =
            ["[CLS]", "[SEP]", "[UNK]"].map(|token| reference.token_to_id(token).unwrap());
        let section = build(pieces, added).unwrap();
        let special = special.map(|id| section.id(id));
        let mut both = Self {
            reference,
            vocabulary: Vocabulary::parse(section.bytes.leak()).unwrap(),
            ids: section.order,
            normalizer: UNCASED,
            special,
            max_word_chars,
        };
        both.set_normalizer(UNCASED);
        both
    }

    pub fn set_normalizer(&mut self, normalizer: Normalizer) {
        self.normalizer = normalizer;
        let Normalizer {
            clean_text,
            handle_chinese_chars,
            strip_accents,
            lowercase,
        } = normalizer;
        self.reference
            .with_normalizer(Some(BertNormalizer::new(
                clean_text,
                handle_chinese_chars,
                Some(strip_accents),
                lowercase,
            )))
            .unwrap();
    }

    pub fn ours(&self) -> Tokenizer<'static> {
        let [cls, sep, unk] = self.special;
        Tokenizer::new(TokenizerParts {
            vocabulary: self.vocabulary,
            normalizer: self.normalizer,
            cls,
            sep,
            unk,
            max_word_chars: self.max_word_chars,
        })
        .unwrap()
    }

    /// The number of tokens, if both tokenizers agree on ids and offsets; else what differs.
    pub fn compare(&self, text: &str) -> Result<usize, String> {
        let reference = self.reference.encode(text, true).unwrap();
        let mut out = vec![Token::default(); reference.len() + 8];
        let encoding = self.ours().encode(text, &mut out).unwrap();
        let (len, b) = (encoding.len, encoding.segment_b_start);
        if encoding.truncated.is_some() || b != len {
            return Err(format!(
                "{encoding:?} for {} tokens of {text:?}",
                reference.len()
            ));
        }
        self.difference(&reference, &out[..len])
            .map_or(Ok(len), |difference| {
                Err(format!(
                    "{:?}\n{difference}\n{}",
                    self.normalizer,
                    excerpt(text)
                ))
            })
    }

    /// As `compare`, for a pair of texts and a token limit.
    pub fn compare_pair(&mut self, a: &str, b: &str, limit: usize) -> Result<Encoding, String> {
        self.truncate(Some(limit));
        let reference = self.reference.encode((a, b), true).unwrap();
        self.truncate(None);
        let whole_length = self.reference.encode((a, b), true).unwrap().len();
        let mut out = vec![Token::default(); limit];
        let encoding = self.ours().encode_pair(a, b, &mut out).unwrap();
        let segment_b = reference
            .get_type_ids()
            .iter()
            .take_while(|&&segment| segment == 0)
            .count();
        let needed = encoding
            .truncated
            .map_or(encoding.len, |truncation| truncation.needed);
        let difference = self
            .difference(&reference, &out[..encoding.len])
            .or_else(|| {
                let same = segment_b == encoding.segment_b_start && needed == whole_length;
                (!same).then(|| format!("{segment_b} {whole_length} {encoding:?}"))
            });
        difference.map_or(Ok(encoding), |difference| {
            Err(format!(
                "{:?} limit {limit}\n{difference}\n{a:?}\n{b:?}",
                self.normalizer
            ))
        })
    }

    pub fn compare_truncated(&mut self, text: &str, limit: usize) -> Result<Encoding, String> {
        self.truncate(Some(limit));
        let reference = self.reference.encode(text, true).unwrap();
        self.truncate(None);
        let whole_length = self.reference.encode(text, true).unwrap().len();
        let mut out = vec![Token::default(); limit];
        let encoding = self.ours().encode(text, &mut out).unwrap();
        let needed = encoding
            .truncated
            .map_or(encoding.len, |truncation| truncation.needed);
        let difference = self
            .difference(&reference, &out[..encoding.len])
            .or_else(|| (needed != whole_length).then(|| format!("{whole_length} {encoding:?}")));
        difference.map_or(Ok(encoding), |difference| {
            Err(format!("{limit}\n{difference}\n{text:?}"))
        })
    }

    fn truncate(&mut self, limit: Option<usize>) {
        let params = limit.map(|max_length| TruncationParams {
            max_length,
            strategy: TruncationStrategy::LongestFirst,
            ..Default::default()
        });
        self.reference.with_truncation(params).unwrap();
    }

    fn difference(&self, reference: &tokenizers::Encoding, ours: &[Token]) -> Option<String> {
        let expected = reference.get_ids().iter().zip(reference.get_offsets());
        let expected: Vec<Token> = expected
            .map(|(&id, &(start, end))| Token {
                id,
                start: start as u32,
                end: end as u32,
            })
            .collect();
        let ours: Vec<Token> = ours
            .iter()
            .map(|token| Token {
                id: self.ids[token.id as usize],
                ..*token
            })
            .collect();
        let at =
            (0..expected.len().max(ours.len())).find(|&at| expected.get(at) != ours.get(at))?;
        let show = |token: Option<&Token>| {
            let piece = token.and_then(|token| self.reference.id_to_token(token.id));
            format!("{token:?} {piece:?}")
        };
        let (expected, ours) = (show(expected.get(at)), show(ours.get(at)));
        Some(format!("token {at}: expected {expected}, got {ours}"))
    }
}

fn excerpt(text: &str) -> String {
    let escaped: String = text
        .chars()
        .take(400)
        .flat_map(char::escape_unicode)
        .collect();
    format!("{text:.400?}\n{escaped}")
}

/// The committed vocabulary.
pub fn small_vocabulary() -> Vec<String> {
    include_str!("../../data/tokenizer_vocab.txt")
        .lines()
        .map(str::to_owned)
        .collect()
}

pub const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Every character up to U+2FFFF, alone and continuing a word.
pub fn character_vocabulary() -> Vec<String> {
    let chars = ('!'..'\u{30000}').map(String::from);
    let continuing = ('!'..'\u{30000}').map(|c| format!("##{c}"));
    SPECIAL
        .map(String::from)
        .into_iter()
        .chain(chars)
        .chain(continuing)
        .collect()
}

/// Characters whose lower case is not the same in this compiler's Unicode version as in core's
/// pinned tables. The reference takes the compiler's, so these cannot be compared; there are none
/// where the versions are equal.
pub fn incomparable(lowercasing: &Both) -> HashSet<char> {
    assert_eq!(lowercasing.normalizer, LOWERCASE);
    let tokenizer = lowercasing.ours();
    let mut out = [Token::default(); 4];
    let chars: HashSet<char> = ('\u{80}'..'\u{30000}')
        .filter(|c| !c.is_whitespace())
        .filter(|c| {
            let encoding = tokenizer
                .encode(c.encode_utf8(&mut [0; 4]), &mut out)
                .unwrap();
            let pieces = out[1..encoding.len - 1]
                .iter()
                .map(|token| tokenizer.vocabulary().piece(token.id).unwrap().to_string());
            let lower: String = pieces
                .map(|piece| piece.trim_start_matches("##").to_owned())
                .collect();
            !lower.chars().eq(c.to_lowercase())
        })
        .collect();
    assert!(
        chars.is_empty() || char::UNICODE_VERSION != (17, 0, 0),
        "{chars:?}"
    );
    chars
}
