//! A command-line client: connects, sends, prints every event and closes; or stays connected and
//! reconnects.
//!
//! `cargo run --example client -- ws://127.0.0.1:9001/ --send TEXT`. With `--deflate` it offers compression (RFC 7692), and
//! `cargo run --example client -- ws://127.0.0.1:9001/feed --reconnect --resume` follows the numbered feed of the example
//! server over any loss, from the last number received. `-- --help` lists the options and the exit statuses.

mod arguments;
mod codec;
#[path = "../command_line.rs"]
mod command_line;
mod connect;
mod talk;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use barews::backoff::Backoff;

use arguments::{Arguments, USAGE};
use connect::connect;
use talk::talk;

/// An exit status and its error.
type Failure = (u8, Box<dyn Error>);

fn main() -> ExitCode {
    command_line::main(USAGE, Arguments::parse, |arguments| Ok(run(&arguments)))
}

fn run(arguments: &Arguments) -> ExitCode {
    let mut seen = None;
    let mut backoff = Backoff::new(arguments.base, arguments.cap);
    loop {
        let start = Instant::now();
        let (status, error) = match attempt(arguments, &mut seen) {
            Ok(()) if !arguments.reconnect || is_done(arguments, seen) => {
                return ExitCode::SUCCESS;
            }
            // The server closed the connection, and may be back soon.
            Ok(()) => (0, "closed".into()),
            Err(failure) => failure,
        };
        eprintln!("{error}");
        if !arguments.reconnect {
            return ExitCode::from(status);
        }
        backoff.on_lost(start.elapsed());
        let Ok(random) = getrandom::u64() else { return ExitCode::from(1) };
        std::thread::sleep(backoff.next_delay(random));
    }
}

fn attempt(arguments: &Arguments, seen: &mut Option<u64>) -> Result<(), Failure> {
    let path = match seen {
        Some(seen) if arguments.resume => format!("{}?after={seen}", arguments.path),
        _ => arguments.path.clone(),
    };
    let opened = connect(arguments, &path).map_err(|error| (1, error))?;
    talk(opened, arguments, seen).map_err(|error| (2, error))
}

fn is_done(arguments: &Arguments, seen: Option<u64>) -> bool {
    arguments.until > 0 && seen.is_some_and(|seen| seen >= arguments.until)
}
