//! The memory plans of common shapes stay below their SRAM limits.

use embert::{Shape, scratch_bytes};
use embert_tests::sram::{HEADS, LIMITS, STACK};

#[test]
fn plans_keep_to_the_limits() {
    for head in HEADS {
        for limit in &LIMITS {
            for has_int4 in [false, true] {
                let shape = Shape {
                    has_int4,
                    ..limit.shape(head)
                };
                let scratch = scratch_bytes(&shape, limit.tokens);
                assert!(
                    scratch + STACK <= limit.bytes(has_int4),
                    "{scratch} bytes for {} tokens of {shape:?}",
                    limit.tokens
                );
            }
        }
    }
}
