//! See `embert_tests::fuzz::tokenizer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| embert_tests::fuzz::tokenizer(data));
