//! The machines the firmware is made for.

use clap::ValueEnum;

/// A QEMU machine with an image in `firmware/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Machine {
    /// Cortex-M3.
    #[value(name = "mps2-an385")]
    Mps2An385,
    /// Cortex-M4F.
    #[value(name = "mps2-an386")]
    Mps2An386,
    /// Cortex-M7.
    #[value(name = "mps2-an500")]
    Mps2An500,
    /// Cortex-M33 with DSP.
    #[value(name = "mps2-an505")]
    Mps2An505,
    /// Cortex-M55 with Helium.
    #[value(name = "mps3-an547")]
    Mps3An547,
    /// RV32IMAC.
    #[value(name = "virt")]
    Virt,
}

impl Machine {
    pub const ALL: [Self; 6] = [
        Self::Mps2An385,
        Self::Mps2An386,
        Self::Mps2An500,
        Self::Mps2An505,
        Self::Mps3An547,
        Self::Virt,
    ];

    /// QEMU's name of the machine.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mps2An385 => "mps2-an385",
            Self::Mps2An386 => "mps2-an386",
            Self::Mps2An500 => "mps2-an500",
            Self::Mps2An505 => "mps2-an505",
            Self::Mps3An547 => "mps3-an547",
            Self::Virt => "virt",
        }
    }

    /// The package in `firmware/`.
    pub fn package(self) -> &'static str {
        match self {
            Self::Virt => "virt-rv32",
            arm => arm.name(),
        }
    }

    /// The target to compile for.
    pub fn target(self) -> &'static str {
        match self {
            Self::Mps2An385 => "thumbv7m-none-eabi",
            Self::Mps2An386 | Self::Mps2An500 => "thumbv7em-none-eabihf",
            Self::Mps2An505 | Self::Mps3An547 => "thumbv8m.main-none-eabihf",
            Self::Virt => "riscv32imac-unknown-none-elf",
        }
    }

    /// The core to compile for, where `firmware/.cargo/config.toml` names another of its target.
    pub fn core(self) -> Option<&'static str> {
        match self {
            Self::Mps2An505 => Some("cortex-m33"),
            _ => None,
        }
    }

    /// The instruction sets its kernels are there for, the fastest last.
    pub fn sets(self) -> &'static [&'static str] {
        match self {
            Self::Mps2An386 | Self::Mps2An500 | Self::Mps2An505 => &["dsp"],
            Self::Mps3An547 => &["helium"],
            Self::Mps2An385 | Self::Virt => &["scalar"],
        }
    }

    /// The QEMU program that emulates it.
    pub fn emulator(self) -> &'static str {
        match self {
            Self::Virt => "qemu-system-riscv32",
            _ => "qemu-system-arm",
        }
    }
}
