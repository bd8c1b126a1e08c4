//! The machines the firmware is made for.

use clap::ValueEnum;

/// A machine with an image in `firmware/`: one of QEMU's, or WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Machine {
    /// Cortex-M0, with more memory than its board has.
    #[value(name = "microbit")]
    Microbit,
    /// The same with its true 256 KB of flash and 16 KB of RAM.
    #[value(name = "microbit-16k")]
    Microbit16K,
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
    /// A 64-bit Arm core with all extensions.
    #[value(name = "virt-aarch64")]
    VirtAarch64,
    /// RV64GC with vectors.
    #[value(name = "virt-rv64")]
    VirtRv64,
    /// WebAssembly with 128-bit vectors, in an interpreter.
    #[value(name = "wasm32")]
    Wasm32,
}

impl Machine {
    /// Those with memory for every test. [`Self::Microbit16K`] has it for tiny models alone.
    pub const ALL: [Self; 10] = [
        Self::Microbit,
        Self::Mps2An385,
        Self::Mps2An386,
        Self::Mps2An500,
        Self::Mps2An505,
        Self::Mps3An547,
        Self::Virt,
        Self::VirtRv64,
        Self::VirtAarch64,
        Self::Wasm32,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Microbit => "microbit",
            Self::Microbit16K => "microbit-16k",
            Self::Mps2An385 => "mps2-an385",
            Self::Mps2An386 => "mps2-an386",
            Self::Mps2An500 => "mps2-an500",
            Self::Mps2An505 => "mps2-an505",
            Self::Mps3An547 => "mps3-an547",
            Self::Virt => "virt",
            Self::VirtRv64 => "virt-rv64",
            Self::VirtAarch64 => "virt-aarch64",
            Self::Wasm32 => "wasm32",
        }
    }

    /// What QEMU calls it, with what else QEMU must be told.
    pub fn qemu_arguments(self) -> &'static [&'static str] {
        match self {
            // With the memory of the MPS2 boards, for the sake of the same tests.
            Self::Microbit => &[
                "-machine",
                "microbit",
                "-global",
                "nrf51-soc.flash-size=16777216",
                "-global",
                "nrf51-soc.sram-size=4194304",
            ],
            Self::Microbit16K => &["-machine", "microbit"],
            Self::Mps2An385 => &["-machine", "mps2-an385"],
            Self::Mps2An386 => &["-machine", "mps2-an386"],
            Self::Mps2An500 => &["-machine", "mps2-an500"],
            Self::Mps2An505 => &["-machine", "mps2-an505"],
            Self::Mps3An547 => &["-machine", "mps3-an547"],
            Self::Virt | Self::VirtRv64 => &["-machine", "virt", "-bios", "none"],
            Self::VirtAarch64 => &["-machine", "virt", "-nic", "none"],
            Self::Wasm32 => &[],
        }
    }

    /// The processors its kernels are checked on, the usual one first; `None`: the board's own.
    pub fn cpus(self) -> &'static [Option<&'static str>] {
        match self {
            Self::VirtRv64 => &[
                Some("rv64,v=true,vlen=256,vext_spec=v1.0"),
                Some("rv64,v=true,vlen=128,vext_spec=v1.0"),
                Some("rv64,v=true,vlen=512,vext_spec=v1.0"),
            ],
            Self::VirtAarch64 => &[Some("max")],
            _ => &[None],
        }
    }

    /// The firmware package of its family.
    pub fn package(self) -> &'static str {
        match self {
            Self::Virt | Self::VirtRv64 => "embert-riscv",
            Self::VirtAarch64 => "embert-aarch64",
            Self::Wasm32 => "embert-wasm",
            _ => "embert-cortex-m",
        }
    }

    /// Its binary in the package; WebAssembly is a library.
    pub fn binary(self) -> Option<&'static str> {
        match self {
            Self::Virt => Some("virt-rv32"),
            Self::Wasm32 => None,
            other => Some(other.name()),
        }
    }

    /// What to build, for cargo.
    pub fn build_arguments(self) -> Vec<&'static str> {
        let target = self
            .binary()
            .map_or(vec!["--lib"], |name| vec!["--bin", name]);
        let features = match self {
            Self::VirtRv64 => vec!["--features", "pre-init"],
            _ => Vec::new(),
        };
        [vec!["--package", self.package()], target, features].concat()
    }

    /// The file that is built.
    pub fn file(self) -> &'static str {
        self.binary().unwrap_or("embert_wasm.wasm")
    }

    /// The target to compile for.
    pub fn target(self) -> &'static str {
        match self {
            Self::Microbit | Self::Microbit16K => "thumbv6m-none-eabi",
            Self::Mps2An385 => "thumbv7m-none-eabi",
            Self::Mps2An386 | Self::Mps2An500 => "thumbv7em-none-eabihf",
            Self::Mps2An505 | Self::Mps3An547 => "thumbv8m.main-none-eabihf",
            Self::Virt => "riscv32imac-unknown-none-elf",
            Self::VirtAarch64 => "aarch64-unknown-none",
            Self::VirtRv64 => "riscv64gc-unknown-none-elf",
            Self::Wasm32 => "wasm32-unknown-unknown",
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
            Self::Microbit | Self::Microbit16K => &["portable", "muls"],
            Self::Mps2An385 => &["portable", "mla"],
            Self::Virt => &["portable", "rvm"],
            Self::VirtRv64 => &["rvm", "rvv"],
            Self::VirtAarch64 => &["neon", "dotprod", "i8mm"],
            Self::Wasm32 => &["simd128"],
        }
    }

    /// The QEMU program that emulates it, where one does.
    pub fn emulator(self) -> Option<&'static str> {
        match self {
            Self::Virt => Some("qemu-system-riscv32"),
            Self::VirtAarch64 => Some("qemu-system-aarch64"),
            Self::VirtRv64 => Some("qemu-system-riscv64"),
            Self::Wasm32 => None,
            _ => Some("qemu-system-arm"),
        }
    }
}
