//! The instruction sets of every emulated machine against the scalar kernels.

use anyhow::Result;
use xtask::bench;
use xtask::machine::Machine;

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
