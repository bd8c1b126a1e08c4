//! Kernels for Arm's microcontrollers, chosen when the firmware is built.

#[cfg(any(embert_dsp, embert_mla))]
mod activated;
#[cfg(embert_dsp)]
pub mod dsp;
#[cfg(embert_helium)]
pub mod helium;
#[cfg(embert_mla)]
pub mod mla;
#[cfg(embert_muls)]
pub mod muls;
#[cfg(any(embert_dsp, embert_mla))]
mod words;
