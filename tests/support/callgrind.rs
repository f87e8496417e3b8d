//! Measures work in instructions with callgrind, independent of clock and load.
//!
//! A test runs itself again under valgrind, with one job per process.
#![allow(dead_code, reason = "each test uses part of it")]

use std::env;
use std::process::Command;

/// The environment variable that gives a child process its job: a family and a number.
const JOB: &str = "BAREWS_LINEAR_WORK";

/// The family and the number, if this process exists to run a single job.
pub(crate) fn job() -> Option<(usize, usize)> {
    let job = env::var(JOB).ok()?;
    let (family, n) = job.split_once(' ').unwrap();
    Some((family.parse().unwrap(), n.parse().unwrap()))
}

/// Whether instructions can be counted; prints a notice if not.
pub(crate) fn counts() -> bool {
    let valgrind = Command::new("valgrind").arg("--version").output();
    let counts = valgrind.is_ok() && cfg!(target_arch = "x86_64");
    assert!(
        counts || env::var_os("BAREWS_MUST_COUNT").is_none(),
        "instructions cannot be counted here"
    );
    if !counts {
        println!("SKIPPED: instructions are not counted: no valgrind, or another architecture");
    }
    counts
}

/// The instructions that a process executes for this job in `test`, a full test path.
pub(crate) fn instructions(test: &str, (family, n): (usize, usize)) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads=1"])
        .env(JOB, format!("{family} {n}"))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let ran = String::from_utf8_lossy(&output.stdout).contains("1 passed");
    assert!(ran, "no such test: {test}");
    let counted = log.lines().rev().find_map(|line| line.split_once("Collected : "));
    counted.unwrap().1.trim().parse().unwrap()
}

/// Fails if twice the input takes more than 2.1 times the work.
pub(crate) fn is_linear(test: &str, name: &str, family: usize, n: usize, idle: u64) {
    let once = instructions(test, (family, n)) - idle;
    let twice = instructions(test, (family, 2 * n)) - idle;
    println!("{once:>9} {twice:>9}  {name}");
    assert!(once > 100_000, "{name}: {once} instructions are too few to compare");
    assert!(10 * twice <= 21 * once, "{name}: {once}, then {twice}");
}
