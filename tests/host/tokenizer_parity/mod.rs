//! embert's tokenizer against Hugging Face's `tokenizers` crate: ids and byte offsets must be
//! equal for any text.

mod code_points;
mod corpora;
mod generated;
mod large;
mod oracle;
mod pruned;
mod truncation;
