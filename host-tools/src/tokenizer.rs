//! A checkpoint's tokenizer, as its blob has it: the one place where ids are translated.
//!
//! A blob numbers the pieces in the order of its own vocabulary section, a checkpoint as Hugging
//! Face does. Pieces are the same, and no two of a vocabulary are equal.

use embert::heads::WordPosition;
use embert::text::{
    EncodeError, Normalizer, Token, Tokenizer, TokenizerError, TokenizerParts, Vocabulary,
    VocabularyError,
};
use thiserror::Error;

use crate::blob::vocabulary::{AddedToken, Section, VocabularyBuildError, build};
use crate::checkpoint::TokenizerSpec;

#[derive(Debug, Error)]
pub enum TokenizerBuildError {
    #[error(transparent)]
    Build(#[from] VocabularyBuildError),
    #[error("the tokenizer cannot be stored: {0}")]
    Vocabulary(#[from] VocabularyError),
    #[error("the tokenizer cannot be stored: {0}")]
    Parts(#[from] TokenizerError),
}

/// The vocabulary section of a checkpoint, with the settings beside it.
pub struct StoredTokenizer<'s> {
    spec: &'s TokenizerSpec,
    section: Section,
}

impl<'s> StoredTokenizer<'s> {
    /// # Errors
    /// When there are too many pieces, or an added token is none.
    pub fn of(spec: &'s TokenizerSpec) -> Result<Self, TokenizerBuildError> {
        let added: Vec<AddedToken> = spec
            .added_tokens
            .iter()
            .map(|token| AddedToken {
                id: token.id,
                in_model: token.in_model,
            })
            .collect();
        let section = build(&spec.pieces, &added)?;
        Ok(Self { spec, section })
    }

    /// The section's bytes and the order of its ids.
    pub fn section(&self) -> &Section {
        &self.section
    }

    /// The tokenizer, which gives the checkpoint's ids.
    ///
    /// # Errors
    /// When the settings are past what a blob holds.
    pub fn reader(&self) -> Result<Reader<'_>, TokenizerBuildError> {
        let (spec, section) = (self.spec, &self.section);
        let tokenizer = Tokenizer::new(TokenizerParts {
            vocabulary: Vocabulary::parse(&section.bytes)?,
            normalizer: Normalizer {
                clean_text: spec.clean_text,
                handle_chinese_chars: spec.handle_chinese_chars,
                strip_accents: spec.strip_accents,
                lowercase: spec.lowercase,
            },
            cls: section.id(spec.cls),
            sep: section.id(spec.sep),
            unk: section.id(spec.unk),
            max_word_chars: spec.max_input_chars_per_word,
        })?;
        let order = Some(&section.order[..]);
        Ok(Reader {
            tokenizer,
            order,
            pieces: &spec.pieces,
        })
    }
}

/// Reads texts as the blob does, and says the checkpoint's ids.
pub struct Reader<'a> {
    tokenizer: Tokenizer<'a>,
    /// The checkpoint's id of each of the blob's; none where these are wanted themselves.
    order: Option<&'a [u32]>,
    /// The checkpoint's, if `order` is.
    pieces: &'a [String],
}

impl<'a> Reader<'a> {
    /// The tokenizer of a blob, which gives the blob's ids.
    pub fn of(tokenizer: Tokenizer<'a>) -> Self {
        Reader {
            tokenizer,
            order: None,
            pieces: &[],
        }
    }

    /// The tokenizer, which gives the blob's ids.
    pub fn tokenizer(&self) -> &Tokenizer<'a> {
        &self.tokenizer
    }

    /// What a token of [`Self::tokens`] is to its word.
    pub fn place(&self, token: &Token) -> WordPosition {
        let continues = match self.order {
            Some(_) => self.pieces[token.id as usize].starts_with("##"),
            None => self.tokenizer.vocabulary().continues(token.id),
        };
        WordPosition::of(token, continues)
    }

    /// The tokens of a text, `[CLS]` and `[SEP]` included, `limit` of them at most.
    ///
    /// # Errors
    /// When the limit leaves no room.
    pub fn tokens(&self, text: &str, limit: usize) -> Result<Vec<Token>, EncodeError> {
        // Normalization makes a byte of text four characters at most.
        let room = limit.min(text.len().saturating_mul(4).saturating_add(2));
        let mut tokens = vec![Token::default(); room];
        let encoding = self.tokenizer.encode(text, &mut tokens)?;
        Ok(self.translated(tokens, encoding.len))
    }

    /// The tokens of a pair of texts, and where those of the second begin.
    ///
    /// # Errors
    /// When the limit leaves no room.
    pub fn pair(&self, a: &str, b: &str, limit: usize) -> Result<(Vec<Token>, usize), EncodeError> {
        let bytes = a.len().saturating_add(b.len());
        let room = limit.min(bytes.saturating_mul(4).saturating_add(3));
        let mut tokens = vec![Token::default(); room];
        let encoding = self.tokenizer.encode_pair(a, b, &mut tokens)?;
        let segment_b = encoding.segment_b_start;
        Ok((self.translated(tokens, encoding.len), segment_b))
    }

    fn translated(&self, mut tokens: Vec<Token>, len: usize) -> Vec<Token> {
        tokens.truncate(len);
        if let Some(order) = self.order {
            for token in &mut tokens {
                token.id = order[token.id as usize];
            }
        }
        tokens
    }
}
