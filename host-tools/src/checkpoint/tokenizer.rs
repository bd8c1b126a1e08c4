//! The tokenizer of a checkpoint, settings resolved.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use serde::Deserialize;

use super::{
    CheckpointError,
    config::{malformed, read_json_if_there},
    tokenizer_json,
};

/// What Hugging Face's `BertTokenizer` would do with this folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerSpec {
    /// Index = id. Pieces that continue a word start with `##`. No two are equal but for the empty
    /// ones, which stand for ids that no text is ever given.
    pub pieces: Vec<String>,
    /// Drop control characters and map every white space to a space.
    pub clean_text: bool,
    /// Put spaces around CJK ideographs.
    pub handle_chinese_chars: bool,
    /// Already resolved: where the folder leaves it open, it follows `lowercase`.
    pub strip_accents: bool,
    pub lowercase: bool,
    /// A longer word becomes `[UNK]` as a whole; in characters (not bytes).
    pub max_input_chars_per_word: usize,
    pub unk: u32,
    pub cls: u32,
    pub sep: u32,
    pub pad: Option<u32>,
    pub mask: Option<u32>,
    /// The special tokens among them; sorted by id.
    pub added_tokens: Vec<AddedToken>,
}

/// A text recognized in the raw input before anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedToken {
    pub id: u32,
    pub text: String,
    /// Whether WordPiece knows it too, as the special tokens of `vocab.txt`; if not, no part of a
    /// word becomes it.
    pub in_model: bool,
}

/// The longest word Hugging Face looks up, where the folder does not say otherwise.
pub(super) const MAX_INPUT_CHARS_PER_WORD: usize = 100;

/// Reads the tokenizer of a folder: `tokenizer.json` decides alone where it is there, as it does
/// for Hugging Face's fast tokenizers; otherwise `vocab.txt` and `tokenizer_config.json`.
///
/// `rows` is the number of word embeddings, the bound of every id.
pub(super) fn read(
    folder: &Path,
    rows: usize,
    notes: &mut Vec<String>,
) -> Result<TokenizerSpec, CheckpointError> {
    let settings = Settings::open(folder)?;
    let json = folder.join("tokenizer.json");
    let vocab = folder.join("vocab.txt");
    let mut spec = if json.exists() {
        tokenizer_json::read(&json, &settings.names, rows)?
    } else if vocab.exists() {
        from_vocab(&vocab, &settings, rows, notes)?
    } else {
        return Err(CheckpointError::NoTokenizer {
            path: folder.into(),
        });
    };
    let sentence: SentenceBertConfig =
        read_json_if_there(&folder.join("sentence_bert_config.json"))?;
    spec.lowercase |= sentence.do_lower_case;
    Ok(spec)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SentenceBertConfig {
    /// sentence-transformers lowercases before it tokenizes, whatever the tokenizer does.
    do_lower_case: bool,
}

/// What `tokenizer_config.json` and its older companions say.
struct Settings {
    config: TokenizerConfig,
    names: SpecialNames,
    /// `added_tokens.json`: text to id.
    added: BTreeMap<String, u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenizerConfig {
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    do_basic_tokenize: Option<bool>,
    never_split: Option<Vec<String>>,
    added_tokens_decoder: BTreeMap<u32, TokenText>,
}

/// The texts of the special tokens.
pub(super) struct SpecialNames {
    pub unk: String,
    pub cls: String,
    pub sep: String,
    pub pad: String,
    pub mask: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SpecialTokensMap {
    unk_token: Option<TokenText>,
    cls_token: Option<TokenText>,
    sep_token: Option<TokenText>,
    pad_token: Option<TokenText>,
    mask_token: Option<TokenText>,
}

/// A token is written as its text, or as an object that holds the text.
#[derive(Deserialize)]
#[serde(untagged)]
enum TokenText {
    Text(String),
    Token { content: String },
}

impl TokenText {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Token { content: text } => text,
        }
    }
}

impl Settings {
    fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join("tokenizer_config.json");
        let config: TokenizerConfig = read_json_if_there(&path)?;
        let named: SpecialTokensMap = read_json_if_there(&path)?;
        let map: SpecialTokensMap = read_json_if_there(&folder.join("special_tokens_map.json"))?;
        let name = |first: Option<TokenText>, second: Option<TokenText>, default: &str| {
            first
                .or(second)
                .map_or_else(|| default.into(), TokenText::into_text)
        };
        Ok(Self {
            config,
            names: SpecialNames {
                unk: name(named.unk_token, map.unk_token, "[UNK]"),
                cls: name(named.cls_token, map.cls_token, "[CLS]"),
                sep: name(named.sep_token, map.sep_token, "[SEP]"),
                pad: name(named.pad_token, map.pad_token, "[PAD]"),
                mask: name(named.mask_token, map.mask_token, "[MASK]"),
            },
            added: read_json_if_there(&folder.join("added_tokens.json"))?,
        })
    }
}

fn from_vocab(
    path: &Path,
    settings: &Settings,
    rows: usize,
    notes: &mut Vec<String>,
) -> Result<TokenizerSpec, CheckpointError> {
    let config = &settings.config;
    let unsupported = |what: &str| CheckpointError::Unsupported {
        path: path.with_file_name("tokenizer_config.json"),
        what: what.into(),
        advice: "BertTokenizer's basic tokenizer always runs, over the whole text".into(),
    };
    if config.do_basic_tokenize == Some(false) {
        return Err(unsupported("do_basic_tokenize false"));
    }
    if config
        .never_split
        .as_ref()
        .is_some_and(|words| !words.is_empty())
    {
        return Err(unsupported("never_split"));
    }

    let text = std::fs::read(path).map_err(|source| CheckpointError::Io {
        path: path.into(),
        source,
    })?;
    let text = String::from_utf8(text).map_err(|error| malformed(path, error))?;
    let mut ids: HashMap<String, u32> = HashMap::new();
    for (id, line) in (0..).zip(text.lines()) {
        // A piece listed twice keeps its last id, as in a Python dict.
        ids.insert(line.into(), id);
    }
    let decoder = config.added_tokens_decoder.iter().map(|(id, token)| {
        let (TokenText::Text(text) | TokenText::Token { content: text }) = token;
        (*id, text.clone())
    });
    let beyond = settings.added.iter().map(|(text, id)| (*id, text.clone()));
    let names = &settings.names;
    let special = [&names.unk, &names.cls, &names.sep, &names.pad, &names.mask];
    let special = special
        .into_iter()
        .filter_map(|name| Some((*ids.get(name)?, name.clone())));
    let added_tokens: BTreeMap<u32, String> = decoder.chain(beyond).chain(special).collect();

    let lowercase = config.do_lower_case.unwrap_or(true);
    let cased =
        |piece: &String| !added_tokens.values().any(|token| token == piece) && is_cased(piece);
    if config.do_lower_case.is_none() && ids.keys().any(cased) {
        notes.push(
            "vocab.txt has pieces with capital letters, yet nothing says that the model is cased: texts are \
             lowercased, as Hugging Face does by default (write {\"do_lower_case\": false} into \
             tokenizer_config.json if that is wrong)"
                .into(),
        );
    }
    let vocabulary = Vocabulary {
        path,
        rows,
        ids,
        added_tokens,
    };
    Ok(TokenizerSpec {
        clean_text: true,
        handle_chinese_chars: config.tokenize_chinese_chars.unwrap_or(true),
        strip_accents: config.strip_accents.unwrap_or(lowercase),
        lowercase,
        max_input_chars_per_word: MAX_INPUT_CHARS_PER_WORD,
        unk: vocabulary.require(&names.unk)?,
        cls: vocabulary.require(&names.cls)?,
        sep: vocabulary.require(&names.sep)?,
        pad: vocabulary.find(&names.pad),
        mask: vocabulary.find(&names.mask),
        pieces: vocabulary.pieces()?,
        added_tokens: vocabulary.added_tokens(),
    })
}

/// `[unused1]` and its like are capital-free by convention; other bracketed pieces are special.
fn is_cased(piece: &str) -> bool {
    !piece.starts_with('[') && piece.chars().any(char::is_uppercase)
}

/// Pieces and added tokens by id, on the way to a [`TokenizerSpec`].
pub(super) struct Vocabulary<'a> {
    pub path: &'a Path,
    /// Ids lie below this.
    pub rows: usize,
    pub ids: HashMap<String, u32>,
    pub added_tokens: BTreeMap<u32, String>,
}

impl Vocabulary<'_> {
    pub fn find(&self, token: &str) -> Option<u32> {
        let added = self.added_tokens.iter().find(|(_, text)| *text == token);
        added
            .map(|(id, _)| *id)
            .or_else(|| self.ids.get(token).copied())
    }

    pub fn require(&self, token: &str) -> Result<u32, CheckpointError> {
        self.find(token).ok_or_else(|| {
            malformed(
                self.path,
                format!("the special token {token} is not in the vocabulary"),
            )
        })
    }

    pub fn added_tokens(&self) -> Vec<AddedToken> {
        let added = self.added_tokens.iter();
        added
            .map(|(&id, text)| AddedToken {
                id,
                text: text.clone(),
                in_model: self.ids.get(text) == Some(&id),
            })
            .collect()
    }

    pub fn pieces(&self) -> Result<Vec<String>, CheckpointError> {
        let added = self.added_tokens.iter().map(|(id, text)| (*id, text));
        let all = self.ids.iter().map(|(text, id)| (*id, text)).chain(added);
        let highest = all.clone().map(|(id, _)| id as usize).max();
        let count = highest.map_or(0, |id| id + 1);
        if count > self.rows {
            return Err(CheckpointError::VocabularyTooLarge {
                path: self.path.into(),
                pieces: count,
                rows: self.rows,
            });
        }
        let mut pieces = vec![String::new(); count];
        for (id, text) in all {
            pieces[id as usize].clone_from(text);
        }
        Ok(pieces)
    }
}
