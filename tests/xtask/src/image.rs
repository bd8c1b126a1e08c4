//! A built firmware image.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

use crate::machine::Machine;
use crate::process;
use crate::toolchain::{Toolchain, firmware_target_dir};

pub struct Image {
    pub machine: Machine,
    pub path: PathBuf,
    /// Which compiler made it.
    pub toolchain: Toolchain,
    /// WebAssembly has none.
    pub elf: Option<Elf>,
}

/// What else an image says that is an ELF file.
pub struct Elf {
    /// Turns the firmware's defmt records into text.
    pub log_table: defmt_decoder::Table,
    /// Address of the model region.
    pub model_start: u64,
    /// Size of the model region in bytes.
    pub model_bytes: u64,
    /// What the image itself takes of the flash: code, constants, and what statics begin with.
    pub code_bytes: u64,
    path: PathBuf,
    symbols: BTreeMap<String, u64>,
}

impl Image {
    /// Builds the image of `machine`, or finds it built.
    pub fn build(machine: Machine) -> Result<Self> {
        let toolchain = Toolchain::find(machine.target())?;
        // Quietly, for the sake of rustc's warning about a target feature that
        // firmware/.cargo/config.toml explains.
        process::run_quietly(
            toolchain
                .cargo("build", machine)
                .args(machine.build_arguments()),
        )?;
        let path = firmware_target_dir(machine)
            .join(machine.target())
            .join("release")
            .join(machine.file());
        let elf = match machine {
            Machine::Wasm32 => None,
            _ => Some(Elf::read(&path)?),
        };
        Ok(Self {
            machine,
            path,
            toolchain,
            elf,
        })
    }
}

impl Elf {
    fn read(path: &Path) -> Result<Self> {
        let elf = std::fs::read(path).with_context(|| path.display().to_string())?;
        let log_table = defmt_decoder::Table::parse(&elf)?
            .ok_or_else(|| anyhow!("{}: no defmt table", path.display()))?;
        let file = object::File::parse(&*elf)?;
        let symbols = file.symbols().filter_map(|symbol| {
            let name = symbol.name().ok()?;
            Some((name.to_owned(), symbol.address()))
        });
        let stored = file.sections().filter(|section| {
            use SectionKind::{Data, ReadOnlyData, ReadOnlyString, Text};
            matches!(section.kind(), Data | ReadOnlyData | ReadOnlyString | Text)
        });
        let mut elf = Self {
            code_bytes: stored.map(|section| section.size()).sum(),
            log_table,
            model_start: 0,
            model_bytes: 0,
            path: path.to_owned(),
            symbols: symbols.collect(),
        };
        elf.model_start = elf.address("_model_start")?;
        elf.model_bytes = elf.address("_model_end")? - elf.model_start;
        Ok(elf)
    }

    /// The address of a symbol, one of the linker's for instance.
    pub fn address(&self, name: &str) -> Result<u64> {
        let address = self.symbols.get(name).copied();
        address.ok_or_else(|| anyhow!("{}: no symbol {name}", self.path.display()))
    }

    /// Whether the model region holds the blob `model`.
    pub fn check_room(&self, model: &Path, machine: Machine) -> Result<()> {
        let bytes = std::fs::metadata(model)
            .with_context(|| model.display().to_string())?
            .len();
        ensure!(
            bytes <= self.model_bytes,
            "{} has {bytes} bytes, the model memory of {} {}",
            model.display(),
            machine.name(),
            self.model_bytes
        );
        Ok(())
    }
}
