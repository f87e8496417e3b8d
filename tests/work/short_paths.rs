//! That the short paths are taken shows in nothing but the work that they save.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::process::Command;

#[test]
#[ignore = "takes half a minute; `scripts/check/mutants` asks for it"]
fn no_count_of_instructions_is_above_its_budget() {
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
