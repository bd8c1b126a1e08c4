//! Kernels for RISC-V, with vectors and without, chosen when the program is built.

pub mod rvm;
#[cfg(embert_rvv)]
pub mod rvv;
