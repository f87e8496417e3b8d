//! Work counted in instructions, by callgrind, and so independent of clock and load.
//!
//! A test starts itself again under valgrind, with one job a run.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::env;
use std::process::Command;

/// Names the job of a child process: a family and a number.
const JOB: &str = "BAREWS_LINEAR_WORK";

/// The family and the number if this process is to do one job and no more.
pub(crate) fn job() -> Option<(usize, usize)> {
    let job = env::var(JOB).ok()?;
    let (family, n) = job.split_once(' ').unwrap();
    Some((family.parse().unwrap(), n.parse().unwrap()))
}

/// Whether instructions can be counted here; says so if not.
pub(crate) fn counts() -> bool {
    let valgrind = Command::new("valgrind").arg("--version").output();
    let counts = valgrind.is_ok() && cfg!(target_arch = "x86_64");
    assert!(
        counts || env::var_os("BAREWS_MUST_COUNT").is_none(),
        "no instructions are counted here"
    );
    if !counts {
        println!("SKIPPED: the instructions are not counted, for there is no valgrind for this");
    }
    counts
}

/// The instructions of a process that does this job in `test`, a name with its modules.
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
    assert!(ran, "there is no test of this name: {test}");
    let counted = log.lines().rev().find_map(|line| line.split_once("Collected : "));
    counted.unwrap().1.trim().parse().unwrap()
}

/// Fails if twice `n` is more than 2.1 times the work.
pub(crate) fn is_linear(test: &str, name: &str, family: usize, n: usize, idle: u64) {
    let once = instructions(test, (family, n)) - idle;
    let twice = instructions(test, (family, 2 * n)) - idle;
    println!("{once:>9} {twice:>9}  {name}");
    assert!(once > 100_000, "{name}: {once} are too few to tell anything");
    assert!(10 * twice <= 21 * once, "{name}: {once}, then {twice}");
}
