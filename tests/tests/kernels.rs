//! Every instruction set against the scalar definition: those of this machine, and those of the
//! machines that QEMU emulates.

use anyhow::Result;
use embert::kernels::InstructionSet;
use xtask::bench;
use xtask::machine::Machine;

#[test]
fn every_set_of_this_machine_equals_scalar() {
    let mut memory = vec![0u128; (512 << 10) / 16];
    for set in InstructionSet::available() {
        match embert_kernel_cases::check(set, bytemuck::cast_slice_mut(&mut memory)) {
            Ok(cases) => assert!(cases > 2000, "{set:?}: {cases} cases"),
            Err(mismatch) => panic!("{set:?}: {mismatch}"),
        }
    }
}

#[test]
fn every_set_of_every_machine_equals_scalar() -> Result<()> {
    for machine in Machine::ALL {
        for &cpu in machine.cpus() {
            for set in machine.sets() {
                let cases = bench::check(machine, cpu, set)?;
                let name = cpu.unwrap_or(machine.name());
                assert!(cases > 2000, "{name} {set}: {cases} cases");
            }
        }
    }
    Ok(())
}
