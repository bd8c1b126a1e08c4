//! The tokenizer of a checkpoint, settings resolved.

/// What Hugging Face's `BertTokenizer` would do with this folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizerSpec {
    /// Index = id. Pieces that continue a word start with `##`.
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
    /// Texts recognized in the input before anything else, the special tokens among them.
    pub added_tokens: Vec<(u32, String)>,
}
