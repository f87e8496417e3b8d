//! What the examples share: `--help`, and errors in words.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;

/// Parses the command line with `parse`, which returns `None` for `--help`, and calls `run` with the result.
///
/// The exit status is 2 for a wrong argument, and 1 if `run` fails.
pub(crate) fn main<A>(
    usage: &str,
    parse: impl FnOnce(lexopt::Parser) -> Result<Option<A>, Box<dyn Error>>,
    run: impl FnOnce(A) -> Result<ExitCode, Box<dyn Error>>,
) -> ExitCode {
    match parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => run(arguments).unwrap_or_else(|error| failed(&error, 1)),
        Ok(None) => {
            print!("{usage}");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&format!("{error}\n\n{}", usage.trim_end()), 2),
    }
}

fn failed(error: &dyn Display, status: u8) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(status)
}
