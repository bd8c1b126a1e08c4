//! Kernels for Arm's microcontrollers, chosen when the firmware is built.

#[cfg(not(embert_helium))]
pub mod dsp;
#[cfg(embert_helium)]
pub mod helium;
