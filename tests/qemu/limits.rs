//! Kernels and texts stay below the instruction limits of the project, with room for compilers that
//! make other code. The exact counts of one compiler: `cargo xtask bench --check`.

use anyhow::Result;
use xtask::bench::limits::{has_limits, limit};
use xtask::bench::{Models, measure};
use xtask::machine::Machine;

/// How many times its limit a figure may be under any supported compiler. Products of CMSIS-NN 1.4
/// take 1.4 times the limit and more.
const ROOM: f64 = 1.2;

#[test]
fn instructions_stay_below_the_limits() -> Result<()> {
    let models = Models::make()?;
    let (mut over, mut limited) = (Vec::new(), 0);
    for machine in Machine::ALL {
        for set in machine.sets().iter().filter(|set| has_limits(set)) {
            for row in measure(machine, set, &models)? {
                let Some(limit) = limit(&row) else {
                    continue;
                };
                limited += 1;
                if !limit.times(ROOM).holds(&row) {
                    over.push(format!("{row:?}: more than {ROOM} times {limit:?}"));
                }
            }
        }
    }
    assert!(limited > 50, "only {limited} figures have a limit");
    assert!(over.is_empty(), "{}", over.join("\n"));
    Ok(())
}
