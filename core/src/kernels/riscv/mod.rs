//! Kernels for RISC-V.

pub mod rvm;
