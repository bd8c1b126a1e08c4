//! Every instruction set of this machine against the scalar definition.

use embert::kernels::InstructionSet;

#[test]
fn every_set_equals_scalar() {
    let mut memory = vec![0u128; (512 << 10) / 16];
    for set in InstructionSet::available() {
        match embert_kernel_cases::check(set, bytemuck::cast_slice_mut(&mut memory)) {
            Ok(cases) => println!("{}: {cases} cases", set.name()),
            Err(mismatch) => panic!("{}: {mismatch}", set.name()),
        }
    }
}
