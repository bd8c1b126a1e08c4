//! Boards that one can buy.
//!
//! Each board says what its clock, flash and SRAM were compared with, and what of them was with
//! nothing. Cycles per instruction are assumed, and measured on no board: Arm's tables, where they
//! were at hand, give what one instruction takes if memory answers at once; the mixture is a guess.
//! A flash slower than the processor makes a text take longer than foretold.

use serde::Serialize;

/// A processor's kernels, and what measuring them has shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Core {
    /// What it is called.
    pub name: &'static str,
    /// Machine and instruction set whose instructions were counted.
    #[serde(rename = "counted_on")]
    pub counts: &'static str,
    /// Cycles per instruction: assumed, with code and weights in memory that keeps up.
    pub cycles_per_instruction: f64,
    /// What no text that was measured has taken of the stack, bytes.
    #[serde(rename = "stack_bytes")]
    pub stack: usize,
    /// The repository's own firmware without a blob, bytes: more than an application needs.
    #[serde(rename = "code_bytes")]
    pub code: usize,
}

/// The largest stack measured was 5,680 bytes, by int4 weights on a Cortex-M4; of int8, 5,376.
const STACK: usize = 5_888;

/// The M0's table has one cycle for most instructions and for the faster multiplier, two for loads;
/// the M0+'s was not at hand. The largest stack measured was 5,664 bytes.
const M0: Core = Core {
    name: "Cortex-M0+",
    counts: "microbit muls",
    cycles_per_instruction: 1.25,
    stack: 6_144,
    code: 151_048,
};

/// Cortex-M3 Technical Reference Manual, table 3-1 and "pairing": `MLA` takes two cycles, and so does
/// a load between two of them.
const M3: Core = Core {
    name: "Cortex-M3",
    counts: "mps2-an385 mla",
    cycles_per_instruction: 2.0,
    stack: STACK,
    code: 151_120,
};

/// Cortex-M4 Technical Reference Manual (100166), table 3-1: `MLA` takes one cycle.
const M4: Core = Core {
    name: "Cortex-M4F",
    counts: "mps2-an386 dsp",
    cycles_per_instruction: 1.2,
    stack: STACK,
    code: 163_156,
};

const M7: Core = Core {
    name: "Cortex-M7",
    counts: "mps2-an500 dsp",
    cycles_per_instruction: 0.75,
    stack: STACK,
    code: 163_156,
};

const M33: Core = Core {
    name: "Cortex-M33",
    counts: "mps2-an505 dsp",
    cycles_per_instruction: 1.15,
    stack: STACK,
    code: 165_872,
};

const M55: Core = Core {
    name: "Cortex-M55",
    counts: "mps3-an547 helium",
    cycles_per_instruction: 1.5,
    stack: STACK,
    code: 146_876,
};

/// Its one or two instructions a cycle depend on the part; RV32 with multiplication.
const RV32: Core = Core {
    name: "RV32IMC",
    counts: "virt rvm",
    cycles_per_instruction: 1.2,
    stack: STACK,
    code: 151_922,
};

const A53: Core = Core {
    name: "Cortex-A53",
    counts: "virt-aarch64 neon",
    cycles_per_instruction: 0.9,
    stack: 16_384,
    code: 183_620,
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
    /// What clock, flash and SRAM were compared with, and what was with nothing.
    pub source: &'static str,
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
    Board {
        name: "rp2040",
        found_on: "Raspberry Pi Pico",
        core: M0,
        mhz: 133,
        flash_kib: 2048,
        sram_kib: 264,
        source: "RP2040 Datasheet, 2.6.2; unchecked: clock, flash",
    },
    Board {
        name: "samd21",
        found_on: "Arduino Zero, Feather M0",
        core: M0,
        mhz: 48,
        flash_kib: 256,
        sram_kib: 32,
        source: "Zephyr, board arduino_zero",
    },
    Board {
        name: "stm32f205",
        found_on: "Photon, Netduino 2",
        core: M3,
        mhz: 120,
        flash_kib: 1024,
        sram_kib: 128,
        source: "particle-iot/photon, README; RIOT, STM32F215VG linker script: SRAM1 and SRAM2 as one",
    },
    Board {
        name: "lpc1768",
        found_on: "mbed LPC1768",
        core: M3,
        mhz: 96,
        flash_kib: 512,
        sram_kib: 32,
        source: "Mbed CE wiki, LPC1768: the board's clock, of 100 MHz at most",
    },
    Board {
        name: "nrf52840",
        found_on: "Nano 33 BLE, nRF52840 DK",
        core: M4,
        mhz: 64,
        flash_kib: 1024,
        sram_kib: 256,
        source: "PlatformIO, nrf52840_dk; embassy, nrf52840-rtic/memory.x",
    },
    Board {
        name: "stm32f407",
        found_on: "STM32F4 Discovery",
        core: M4,
        mhz: 168,
        flash_kib: 1024,
        sram_kib: 128,
        source: "RM0090, 2.1: SRAM1 and SRAM2; CCM is apart; unchecked: clock",
    },
    Board {
        name: "stm32f469",
        found_on: "STM32F469 Discovery",
        core: M4,
        mhz: 180,
        flash_kib: 2048,
        sram_kib: 320,
        source: "RM0386, 2.1: SRAM1 to SRAM3; unchecked: that they adjoin, clock, flash",
    },
    Board {
        name: "stm32f746",
        found_on: "STM32F746 Discovery",
        core: M7,
        mhz: 216,
        flash_kib: 1024,
        sram_kib: 320,
        source: "stm32f746g-disco, memory.x: DTCM, SRAM1 and SRAM2 as one; unchecked: clock",
    },
    Board {
        name: "stm32h743",
        found_on: "Nucleo-H743ZI",
        core: M7,
        mhz: 480,
        flash_kib: 2048,
        sram_kib: 512,
        source: "memory.x files of others: AXI SRAM; unchecked: clock",
    },
    Board {
        name: "rp2350",
        found_on: "Raspberry Pi Pico 2",
        core: M33,
        mhz: 150,
        flash_kib: 4096,
        sram_kib: 520,
        source: "rp235x-hal-examples, memory.x: SRAM8 and SRAM9 adjoin; unchecked: clock",
    },
    Board {
        name: "nrf5340",
        found_on: "nRF5340 DK",
        core: M33,
        mhz: 128,
        flash_kib: 1024,
        sram_kib: 512,
        source: "Zephyr, board nrf5340dk, application core; gdamjan/rust-embedded-intro, memory.x",
    },
    Board {
        name: "stm32u585",
        found_on: "B-U585I-IOT02A",
        core: M33,
        mhz: 160,
        flash_kib: 2048,
        sram_kib: 768,
        source: "probe-rs, STM32U575: SRAM1 to SRAM3 adjoin; RIOT, nucleo-u575zi-q: clock",
    },
    Board {
        name: "ensemble-e7",
        found_on: "Alif Ensemble E7 DevKit",
        core: M55,
        mhz: 400,
        flash_kib: 5632,
        sram_kib: 4096,
        source: "Alif AWPR0003: SRAM0, clock of its bus; Arm learning path on Alif: MRAM",
    },
    Board {
        name: "stm32n657",
        found_on: "STM32N6570-DK",
        core: M55,
        mhz: 600,
        flash_kib: 131_072,
        sram_kib: 2048,
        source: "Zephyr, stm32n657X0.dtsi: FLEXMEM to AXISRAM2; wolfBoot #720: clock; unchecked: flash",
    },
    Board {
        name: "esp32-c3",
        found_on: "ESP32-C3-DevKitM-1",
        core: RV32,
        mhz: 160,
        flash_kib: 4096,
        sram_kib: 313,
        source: "esp-hal, ld/esp32c3/memory.x: DRAM below the bootloader; unchecked: clock, flash",
    },
    Board {
        name: "esp32-c6",
        found_on: "ESP32-C6-DevKitC-1",
        core: RV32,
        mhz: 160,
        flash_kib: 8192,
        sram_kib: 441,
        source: "esp-hal, ld/esp32c6/memory.x: RAM below the bootloader; unchecked: clock, flash",
    },
    Board {
        name: "esp32-p4",
        found_on: "ESP32-P4-Function-EV-Board",
        core: RV32,
        mhz: 400,
        flash_kib: 16_384,
        sram_kib: 568,
        source: "esp-hal, ld/esp32p4/memory.x: beside 128 KB of cache; Espressif's list of boards",
    },
    Board {
        name: "pi3",
        found_on: "Raspberry Pi 3",
        core: A53,
        mhz: 1200,
        flash_kib: 1 << 20,
        sram_kib: 1 << 20,
        source: "Raspberry Pi documentation, BCM2837; unchecked: memory",
    },
    Board {
        name: "pi4",
        found_on: "Raspberry Pi 4",
        core: A72,
        mhz: 1800,
        flash_kib: 1 << 20,
        sram_kib: 1 << 21,
        source: "unchecked",
    },
    Board {
        name: "pi5",
        found_on: "Raspberry Pi 5",
        core: A76,
        mhz: 2400,
        flash_kib: 1 << 20,
        sram_kib: 1 << 22,
        source: "unchecked",
    },
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
