//! Measures work in instructions with callgrind, independent of clock and load.
//!
//! A test runs itself again under valgrind, once for all of its jobs.
#![allow(dead_code, reason = "each test uses part of it")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// Set in the process that runs under valgrind.
const UNDER_VALGRIND: &str = "BAREWS_UNDER_VALGRIND";

/// What is counted: the caller prepares everything that is not part of the work.
pub(crate) type Job = Box<dyn FnOnce()>;

/// The instructions of each job. `test` is the full path of the calling test.
///
/// `None` if there is nothing to judge: in the process under valgrind, which runs the jobs, and where
/// instructions cannot be counted, with a notice.
pub(crate) fn instructions(test: &str, jobs: Vec<Job>) -> Option<Vec<u64>> {
    if env::var_os(UNDER_VALGRIND).is_some() {
        jobs.into_iter().for_each(counted);
        return None;
    }
    if !can_count() {
        return None;
    }
    let name = format!("{}-{}", test.replace("::", "-"), std::process::id());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory).unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        // Two spellings, since callgrind keeps only one option for each pattern.
        .args(["--toggle-collect=*callgrind*counted*", "--dump-after=*callgrind::counted*"])
        .arg(format!("--callgrind-out-file={}/counts", directory.display()))
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads=1"])
        .env(UNDER_VALGRIND, "")
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let ran = String::from_utf8_lossy(&output.stdout).contains("1 passed");
    assert!(ran, "no such test: {test}");
    let counts = (1..=jobs.len()).map(|number| {
        let file = directory.join(format!("counts.{number}"));
        let dump = fs::read_to_string(file).expect("one dump for each job");
        let total = dump.lines().find_map(|line| line.strip_prefix("totals: "));
        total.unwrap().trim().parse().unwrap()
    });
    let counts = counts.collect();
    fs::remove_dir_all(&directory).unwrap();
    Some(counts)
}

/// Callgrind knows this function by its name.
#[inline(never)]
fn counted(job: Job) {
    job();
    // A call in tail position would be a jump, and callgrind would not see it return.
    black_box(());
}

/// Whether instructions can be counted; prints a notice if not.
fn can_count() -> bool {
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

/// Fails if a family's work with `2 n` is more than 2.1 times the work with `n`. `test` is the full
/// path of the calling test, and `job` prepares a job from the index of a family and a number.
pub(crate) fn are_linear(test: &str, names: &[&str], n: usize, job: impl Fn(usize, usize) -> Job) {
    let jobs = (0..names.len()).flat_map(|family| [job(family, n), job(family, 2 * n)]);
    let Some(counts) = instructions(test, jobs.collect()) else { return };
    for (name, counts) in names.iter().zip(counts.chunks_exact(2)) {
        let [once, twice] = [counts[0], counts[1]];
        println!("{once:>9} {twice:>9}  {name}");
        assert!(once > 100_000, "{name}: {once} instructions are too few to compare");
        assert!(10 * twice <= 21 * once, "{name}: {once}, then {twice}");
    }
}
