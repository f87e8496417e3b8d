//! Guards the performance of the core: compares instruction counts of callgrind with `budget*.tsv`,
//! and the speed of masking with a plain XOR loop. Run by `scripts/check/instruction-budget`.

mod budget;
#[path = "../../common/mod.rs"]
mod common;
mod count;
mod families;
mod kernel;

use std::env;
use std::error::Error;
use std::process::ExitCode;

const USAGE: &str = "usage: barews-budget count [--set] | run FAMILY N | kernel NAME";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let passed = match arguments[..] {
        ["count"] => budget::check()?,
        ["count", "--set"] => budget::set()?,
        ["run", family, n] => {
            let family = families::find(family).ok_or("no such family")?;
            println!("{}", (family.run)(n.parse()?));
            true
        }
        ["kernel", name] => kernel::check(name),
        _ => return Err(USAGE.into()),
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
