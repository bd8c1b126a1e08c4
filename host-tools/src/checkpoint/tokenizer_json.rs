//! `tokenizer.json`, the one-file form written by Hugging Face's `tokenizers`.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use serde::Deserialize;

use super::{
    CheckpointError,
    config::{malformed, read_json},
    tokenizer::{MAX_INPUT_CHARS_PER_WORD, SpecialNames, TokenizerSpec, Vocabulary},
};

#[derive(Deserialize)]
struct TokenizerJson {
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
    normalizer: Option<Normalizer>,
    pre_tokenizer: Option<Kind>,
    post_processor: Option<PostProcessor>,
    model: Model,
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Normalizer {
    BertNormalizer {
        clean_text: bool,
        handle_chinese_chars: bool,
        strip_accents: Option<bool>,
        lowercase: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum PostProcessor {
    BertProcessing {
        cls: (String, u32),
        sep: (String, u32),
    },
    TemplateProcessing {
        single: Vec<TemplatePiece>,
        special_tokens: HashMap<String, TemplateToken>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
enum TemplatePiece {
    SpecialToken { id: String, type_id: u32 },
    Sequence { type_id: u32 },
}

#[derive(Deserialize)]
struct TemplateToken {
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Model {
    /// Files older than `tokenizers` 0.9 leave it out.
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    max_input_chars_per_word: Option<usize>,
    /// A map from piece to id for WordPiece; other models differ.
    vocab: serde_json::Value,
}

pub(super) fn read(
    path: &Path,
    names: &SpecialNames,
    rows: usize,
) -> Result<TokenizerSpec, CheckpointError> {
    let json: TokenizerJson = read_json(path)?;
    let unsupported = |what: String| CheckpointError::Unsupported {
        path: path.into(),
        what,
        advice: "only what BertTokenizer does is: BertNormalizer, BertPreTokenizer, WordPiece"
            .into(),
    };

    let kind = json.model.kind.as_deref().unwrap_or("WordPiece");
    if kind != "WordPiece" {
        return Err(unsupported(format!("the model {kind}")));
    }
    let prefix = json
        .model
        .continuing_subword_prefix
        .as_deref()
        .unwrap_or("##");
    if prefix != "##" {
        return Err(unsupported(format!(
            "the continuing_subword_prefix \"{prefix}\""
        )));
    }
    match &json.pre_tokenizer {
        Some(Kind { kind }) if kind == "BertPreTokenizer" => {}
        other => {
            let kind = other.as_ref().map_or("none", |other| other.kind.as_str());
            return Err(unsupported(format!("the pre_tokenizer {kind}")));
        }
    }
    let Some(Normalizer::BertNormalizer {
        clean_text,
        handle_chinese_chars,
        strip_accents,
        lowercase,
    }) = json.normalizer
    else {
        return Err(unsupported("its normalizer".into()));
    };
    // Matching after normalization or with regard to the surroundings needs a second pass over the
    // text; BERT's own special tokens never ask for it.
    let demanding =
        |token: &&AddedToken| token.single_word || token.lstrip || token.rstrip || token.normalized;
    if let Some(token) = json.added_tokens.iter().find(demanding) {
        return Err(unsupported(format!(
            "the added token {} (single_word, lstrip, rstrip and normalized must be false)",
            token.content
        )));
    }

    let ids: HashMap<String, u32> =
        serde_json::from_value(json.model.vocab).map_err(|error| malformed(path, error))?;
    let added_tokens: BTreeMap<u32, String> = json
        .added_tokens
        .into_iter()
        .map(|token| (token.id, token.content))
        .collect();
    let vocabulary = Vocabulary {
        path,
        rows,
        ids,
        added_tokens,
    };
    let (cls, sep) = match json.post_processor {
        Some(PostProcessor::BertProcessing { cls, sep }) => (cls.1, sep.1),
        Some(PostProcessor::TemplateProcessing {
            single,
            special_tokens,
        }) => frame(&single, &special_tokens)
            .ok_or_else(|| unsupported("its post_processor".into()))?,
        Some(PostProcessor::Other) => return Err(unsupported("its post_processor".into())),
        None => (
            vocabulary.require(&names.cls)?,
            vocabulary.require(&names.sep)?,
        ),
    };
    let pieces = vocabulary.pieces()?;
    if [cls, sep].iter().any(|id| *id as usize >= pieces.len()) {
        return Err(malformed(
            path,
            "its post_processor names ids that are not in the vocabulary",
        ));
    }
    Ok(TokenizerSpec {
        clean_text,
        handle_chinese_chars,
        strip_accents: strip_accents.unwrap_or(lowercase),
        lowercase,
        max_input_chars_per_word: json
            .model
            .max_input_chars_per_word
            .unwrap_or(MAX_INPUT_CHARS_PER_WORD),
        unk: vocabulary.require(json.model.unk_token.as_deref().unwrap_or(&names.unk))?,
        cls,
        sep,
        pad: vocabulary.find(&names.pad),
        mask: vocabulary.find(&names.mask),
        pieces,
        added_tokens: vocabulary.added_tokens(),
    })
}

/// The ids put around a text, if the template is BERT's `[CLS] text [SEP]` in segment 0.
fn frame(
    single: &[TemplatePiece],
    special_tokens: &HashMap<String, TemplateToken>,
) -> Option<(u32, u32)> {
    use TemplatePiece::{Sequence, SpecialToken};

    let [
        SpecialToken {
            id: cls,
            type_id: 0,
        },
        Sequence { type_id: 0 },
        SpecialToken {
            id: sep,
            type_id: 0,
        },
    ] = single
    else {
        return None;
    };
    let id = |name: &str| match special_tokens.get(name)?.ids.as_slice() {
        [id] => Some(*id),
        _ => None,
    };
    Some((id(cls)?, id(sep)?))
}
