//! Instructions of a test, counted by callgrind and so independent of clock and load: the test starts itself again
//! under valgrind, with a job in an environment variable.

use std::env;
use std::process::Command;

/// Counts the instructions of `test` with a job in `variable`; `None`, and a line that says so, where there is no
/// valgrind.
pub(crate) fn counter(variable: &str, test: &str) -> Option<impl Fn(&str) -> u64> {
    let valgrind = Command::new("valgrind").arg("--version").output();
    if valgrind.is_err() || cfg!(not(target_arch = "x86_64")) {
        println!("SKIPPED: the instructions are not counted, for there is no valgrind for this");
        return None;
    }
    Some(move |job: &str| {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(env::current_exe().unwrap())
            .args(["--exact", test, "--test-threads=1"])
            .env(variable, job)
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        let counted = log.lines().rev().find_map(|line| line.split_once("Collected : "));
        counted.unwrap().1.trim().parse().unwrap()
    })
}
