//! Guards the performance of the core: compares instruction counts of callgrind with `budget*.tsv`,
//! and the speed of masking with a plain XOR loop. Run by `scripts/check/instruction-budget`.

mod budget;
#[path = "../../common/mod.rs"]
mod common;
mod count;
mod families;
mod kernel;
mod session;

use std::env;
use std::error::Error;
use std::process::ExitCode;

const USAGE: &str = "usage: barews-budget count [--set] | run FAMILY N | kernel NAME";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let passed = match arguments[..] {
        ["count"] => budget::check(),
        ["count", "--set"] => budget::set(),
        ["run", family, n] => run(family, n),
        ["kernel", name] => Ok(kernel::check(name)),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(family: &str, n: &str) -> Result<bool, Box<dyn Error>> {
    let family = families::find(family).ok_or("no such family")?;
    println!("{}", (family.run)(n.parse()?));
    Ok(true)
}
