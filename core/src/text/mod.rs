//! Text to tokens, as Hugging Face's `BertTokenizer` makes them, ids and byte offsets alike.
//!
//! Four steps: added tokens such as `[SEP]` are found in the raw text; what lies between them is
//! normalized ([`Normalizer`]); normalized text is cut into words; words are cut into pieces of
//! the [`Vocabulary`], the longest first (WordPiece). [`Tokenizer`] does all of it, in one pass,
//! with memory for one word.

mod marks;
mod normalize;
mod pieces;
mod source;
mod token;
mod tokenizer;
mod trie;
mod unicode;
mod unicode_tables;
mod vocabulary;
mod words;

pub use normalize::Normalizer;
pub use token::Token;
pub use tokenizer::{EncodeError, Encoding, Tokenizer, TokenizerError, TokenizerParts, Truncation};
pub use vocabulary::{Piece, Vocabulary, VocabularyError};
pub use words::{MAX_WORD_CHARS, for_each_word};
