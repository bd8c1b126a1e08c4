//! Tests that run on this machine alone: `cargo test -p embert-tests --test host`.
//! Those that need QEMU are in `tests/qemu`.

mod analysis;
mod blob_corruption;
mod blob_robustness;
mod engine_blobs;
mod fuzz_corpus;
mod kernels;
mod memory_plan;
mod reference_bad_checkpoints;
mod reference_fidelity;
mod reference_golden;
mod sram;
mod tokenizer_parity;
mod tokenizer_vocabulary;
mod weights;
mod windows;
