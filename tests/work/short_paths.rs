//! Only the instruction counts show that the short paths are taken.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::process::Command;

#[test]
#[ignore = "takes half a minute; run by `scripts/check/mutants`"]
fn no_instruction_count_exceeds_its_budget() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/check/instruction-budget");
    let form = if cfg!(word32) {
        "word32"
    } else if cfg!(feature = "simd") {
        "simd"
    } else {
        "plain"
    };
    assert!(Command::new(script).args(["--count", form]).status().unwrap().success());
}
