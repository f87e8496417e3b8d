//! Counts the instructions of a family with callgrind, in a separate process.

use std::env;
use std::error::Error;
use std::process::Command;

use crate::families::Family;

/// Callgrind counts the instructions inside this function, which it finds by name.
#[inline(never)]
pub fn counted(work: impl FnOnce() -> usize) -> usize {
    work()
}

/// The cost of a family.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Instructions per unit, without the fixed cost of a run.
    pub each: f64,
    /// The ratio of the instructions for `2 * n` and for `n`.
    pub growth: f64,
}

pub fn cost(family: &Family) -> Result<Cost, Box<dyn Error>> {
    let once = instructions(family, family.n)?;
    let twice = instructions(family, 2 * family.n)?;
    let (units, more) = ((family.units)(family.n), (family.units)(2 * family.n));
    Ok(Cost { each: (twice - once) / real(more - units), growth: twice / once })
}

fn instructions(family: &Family, n: usize) -> Result<f64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*count::counted*")
        .arg(env::current_exe()?)
        .args(["run", family.name, &n.to_string()])
        // The memcpy of glibc must not depend on the processor.
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-ERMS,-FSRM")
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || output.stdout.trim_ascii() == b"0" {
        return Err(format!("{}: {log}", family.name).into());
    }
    let count = log.lines().find_map(|line| line.split_once("Collected : "));
    let count: u64 = count.ok_or("valgrind printed no count")?.1.trim().parse()?;
    if count < 1000 {
        return Err(format!("{}: {count} instructions are too few", family.name).into());
    }
    Ok(real(count.try_into()?))
}

/// A count as a floating-point number.
#[allow(clippy::cast_precision_loss, reason = "counts are below 2^52")]
pub fn real(count: usize) -> f64 {
    count as f64
}
