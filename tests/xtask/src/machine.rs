//! The machines the firmware is made for.

use clap::ValueEnum;

/// A machine with an image in `firmware/`: one of QEMU's, or WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Machine {
    /// Cortex-M4F.
    #[value(name = "mps2-an386")]
    Mps2An386,
    /// Cortex-M7.
    #[value(name = "mps2-an500")]
    Mps2An500,
    /// Cortex-M55 with Helium.
    #[value(name = "mps3-an547")]
    Mps3An547,
    /// RV32IMAC.
    #[value(name = "virt")]
    Virt,
    /// WebAssembly with 128-bit vectors, in an interpreter.
    #[value(name = "wasm32")]
    Wasm32,
}

impl Machine {
    pub const ALL: [Self; 5] = [
        Self::Mps2An386,
        Self::Mps2An500,
        Self::Mps3An547,
        Self::Virt,
        Self::Wasm32,
    ];

    /// QEMU's name of the machine.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mps2An386 => "mps2-an386",
            Self::Mps2An500 => "mps2-an500",
            Self::Mps3An547 => "mps3-an547",
            Self::Virt => "virt",
            Self::Wasm32 => "wasm32",
        }
    }

    /// The package in `firmware/`.
    pub fn package(self) -> &'static str {
        match self {
            Self::Virt => "virt-rv32",
            other => other.name(),
        }
    }

    /// The file that the package is built to.
    pub fn file(self) -> String {
        match self {
            Self::Wasm32 => format!("{}.wasm", self.package()),
            _ => self.package().to_owned(),
        }
    }

    /// The target to compile for.
    pub fn target(self) -> &'static str {
        match self {
            Self::Mps2An386 | Self::Mps2An500 => "thumbv7em-none-eabihf",
            Self::Mps3An547 => "thumbv8m.main-none-eabihf",
            Self::Virt => "riscv32imac-unknown-none-elf",
            Self::Wasm32 => "wasm32-unknown-unknown",
        }
    }

    /// The instruction sets its kernels are there for, the fastest last.
    pub fn sets(self) -> &'static [&'static str] {
        match self {
            Self::Mps2An386 | Self::Mps2An500 => &["dsp"],
            Self::Mps3An547 => &["helium"],
            Self::Virt => &["scalar"],
            Self::Wasm32 => &["simd128"],
        }
    }

    /// The QEMU program that emulates it, where one does.
    pub fn emulator(self) -> Option<&'static str> {
        match self {
            Self::Virt => Some("qemu-system-riscv32"),
            Self::Wasm32 => None,
            _ => Some("qemu-system-arm"),
        }
    }
}
