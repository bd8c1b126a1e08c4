//! Boards that one can buy.

use serde::Serialize;

/// A processor's kernels, and what measuring them has shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Core {
    /// What it is called.
    pub name: &'static str,
    /// Machine and instruction set whose instructions were counted.
    #[serde(rename = "counted_on")]
    pub counts: &'static str,
    /// Cycles per instruction: an assumption, with code and weights in memory that keeps up.
    pub cycles_per_instruction: f64,
    /// What no text that was measured has taken of the stack, bytes.
    #[serde(rename = "stack_bytes")]
    pub stack: usize,
    /// The repository's own firmware without a blob, bytes: more than an application needs.
    #[serde(rename = "code_bytes")]
    pub code: usize,
}

/// The largest stack measured was 5,140 bytes, but for the Cortex-M0.
const STACK: usize = 5_632;

/// With the multiplier of one cycle; the largest stack measured was 5,664 bytes.
const M0: Core = Core {
    name: "Cortex-M0+",
    counts: "microbit muls",
    cycles_per_instruction: 1.25,
    stack: 6_144,
    code: 129_400,
};

/// `MLA` takes two cycles, and so does a load between two of them.
const M3: Core = Core {
    name: "Cortex-M3",
    counts: "mps2-an385 mla",
    cycles_per_instruction: 2.0,
    stack: STACK,
    code: 132_052,
};

const M4: Core = Core {
    name: "Cortex-M4F",
    counts: "mps2-an386 dsp",
    cycles_per_instruction: 1.2,
    stack: STACK,
    code: 142_212,
};

const M7: Core = Core {
    name: "Cortex-M7",
    counts: "mps2-an500 dsp",
    cycles_per_instruction: 0.75,
    stack: STACK,
    code: 142_212,
};

const M33: Core = Core {
    name: "Cortex-M33",
    counts: "mps2-an505 dsp",
    cycles_per_instruction: 1.15,
    stack: STACK,
    code: 144_900,
};

const M55: Core = Core {
    name: "Cortex-M55",
    counts: "mps3-an547 helium",
    cycles_per_instruction: 1.5,
    stack: STACK,
    code: 128_624,
};

/// Its one or two instructions a cycle depend on the part; RV32 with multiplication.
const RV32: Core = Core {
    name: "RV32IMC",
    counts: "virt rvm",
    cycles_per_instruction: 1.2,
    stack: STACK,
    code: 128_290,
};

const A53: Core = Core {
    name: "Cortex-A53",
    counts: "virt-aarch64 neon",
    cycles_per_instruction: 0.9,
    stack: 16_384,
    code: 165_280,
};

const A72: Core = Core {
    name: "Cortex-A72",
    counts: "virt-aarch64 neon",
    cycles_per_instruction: 0.5,
    ..A53
};

const A76: Core = Core {
    name: "Cortex-A76",
    counts: "virt-aarch64 dotprod",
    cycles_per_instruction: 0.4,
    ..A53
};

/// A part and the memory it has.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Board {
    pub name: &'static str,
    /// Where one meets it.
    pub found_on: &'static str,
    pub core: Core,
    pub mhz: u32,
    /// Memory that code and blob are read from in place, KiB.
    pub flash_kib: usize,
    /// The largest piece of RAM, KiB: a scratch is one piece.
    pub sram_kib: usize,
}

const fn board(
    name: &'static str,
    found_on: &'static str,
    core: Core,
    mhz: u32,
    flash_kib: usize,
    sram_kib: usize,
) -> Board {
    Board {
        name,
        found_on,
        core,
        mhz,
        flash_kib,
        sram_kib,
    }
}

impl Board {
    /// Memory that code and blob are read from in place, bytes.
    pub fn flash(&self) -> usize {
        self.flash_kib << 10
    }

    /// What the code leaves of it to a blob.
    pub fn blob_room(&self) -> usize {
        self.flash().saturating_sub(self.core.code)
    }

    /// The largest piece of RAM, bytes.
    pub fn sram(&self) -> usize {
        self.sram_kib << 10
    }

    /// What the stack leaves of it to a scratch.
    pub fn scratch_room(&self) -> usize {
        self.sram().saturating_sub(self.core.stack)
    }
}

/// All that are known, by their cores.
pub static BOARDS: &[Board] = &[
    board("rp2040", "Raspberry Pi Pico", M0, 133, 2048, 264),
    board("samd21", "Arduino Zero, Feather M0", M0, 48, 256, 32),
    board("stm32f205", "Photon, Netduino Plus 2", M3, 120, 1024, 112),
    board("lpc1768", "mbed LPC1768", M3, 96, 512, 32),
    board("nrf52840", "Nano 33 BLE, nRF52840 DK", M4, 64, 1024, 256),
    board("stm32f407", "STM32F4 Discovery", M4, 168, 1024, 112),
    board("stm32f469", "STM32F469 Discovery", M4, 180, 2048, 320),
    board("stm32f746", "STM32F746 Discovery", M7, 216, 1024, 320),
    board("stm32h743", "Nucleo-H743ZI", M7, 480, 2048, 512),
    board("rp2350", "Raspberry Pi Pico 2", M33, 150, 4096, 512),
    board("nrf5340", "nRF5340 DK", M33, 128, 1024, 512),
    board("stm32u585", "B-U585I-IOT02A", M33, 160, 2048, 768),
    board(
        "ensemble-e7",
        "Alif Ensemble E7 DevKit",
        M55,
        400,
        5632,
        4096,
    ),
    board("stm32n657", "STM32N6570-DK", M55, 600, 131_072, 1024),
    board("esp32-c3", "ESP32-C3-DevKitM-1", RV32, 160, 4096, 320),
    board("esp32-c6", "ESP32-C6-DevKitC-1", RV32, 160, 8192, 448),
    board(
        "esp32-p4",
        "ESP32-P4-Function-EV-Board",
        RV32,
        400,
        16_384,
        768,
    ),
    board("pi3", "Raspberry Pi 3", A53, 1200, 1 << 20, 1 << 20),
    board("pi4", "Raspberry Pi 4", A72, 1800, 1 << 20, 1 << 21),
    board("pi5", "Raspberry Pi 5", A76, 2400, 1 << 20, 1 << 22),
];

/// The board of that name.
///
/// # Errors
/// If there is none: with the names of those that there are.
pub fn find(name: &str) -> Result<&'static Board, UnknownBoard> {
    let found = BOARDS.iter().find(|board| board.name == name);
    found.ok_or_else(|| UnknownBoard(name.to_owned()))
}

/// A name that no board has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no board {0}: take one of {names}", names = names())]
pub struct UnknownBoard(String);

fn names() -> String {
    let names: Vec<&str> = BOARDS.iter().map(|board| board.name).collect();
    names.join(", ")
}
