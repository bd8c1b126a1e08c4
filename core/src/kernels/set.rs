//! The choice of kernels.

use super::Kernels;
use super::scalar::Scalar;
use core::fmt;
use core::ops::Deref;

/// The code that runs the kernels.
#[derive(Clone, Copy)]
pub struct InstructionSet(&'static dyn Kernels);

/// Every set of this architecture, the slowest first.
static SETS: &[&dyn Kernels] = &[
    &Scalar,
    #[cfg(any(
        target_arch = "arm",
        target_arch = "riscv32",
        target_arch = "riscv64",
        test
    ))]
    &super::portable::Portable,
    #[cfg(all(
        any(target_arch = "riscv32", target_arch = "riscv64"),
        target_feature = "m"
    ))]
    &super::riscv::rvm::Rvm,
    #[cfg(embert_rvv)]
    &super::riscv::rvv::Rvv,
    #[cfg(embert_muls)]
    &super::arm_m::muls::Muls,
    #[cfg(embert_mla)]
    &super::arm_m::mla::Mla,
    #[cfg(embert_dsp)]
    &super::arm_m::dsp::Dsp,
    #[cfg(embert_helium)]
    &super::arm_m::helium::Helium,
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    &super::aarch64::NEON,
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    &super::aarch64::DOTPROD,
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    &super::aarch64::I8MM,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    &super::wasm32::Simd128,
    #[cfg(target_arch = "x86_64")]
    &super::x86_64::avx2::AVX2,
    #[cfg(target_arch = "x86_64")]
    &super::x86_64::avx2::AVX_VNNI,
    #[cfg(target_arch = "x86_64")]
    &super::x86_64::avx512::Avx512,
];

impl InstructionSet {
    /// Plain Rust, on every machine.
    pub const SCALAR: Self = InstructionSet(&Scalar);

    /// All that this machine has, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        SETS.iter()
            .filter(|set| set.is_available())
            .map(|&set| InstructionSet(set))
    }

    /// The fastest this machine has.
    pub fn detect() -> Self {
        Self::available().last().unwrap_or(Self::SCALAR)
    }

    /// The set of that name, if this machine has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|set| set.name() == name)
    }

    /// Kernels of one's own: to observe those of another set, say.
    pub const fn custom(kernels: &'static dyn Kernels) -> Self {
        InstructionSet(kernels)
    }
}

impl Deref for InstructionSet {
    type Target = dyn Kernels;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl fmt::Debug for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for InstructionSet {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for InstructionSet {}
