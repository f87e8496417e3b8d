//! A command-line client: connects, sends, prints every event and closes; or stays connected and
//! reconnects.
//!
//! `cargo run --example client -- ws://127.0.0.1:9001/ [--protocol P]... [--origin O]
//! [--header 'N: V']... [--send TEXT]...`
//!
//! `cargo run --features deflate --example client -- ws://127.0.0.1:9001/ --deflate --send TEXT`
//! offers compression (RFC 7692), and compresses its messages if the server accepts.
//!
//! `cargo run --example client -- ws://127.0.0.1:9001/feed --reconnect --resume [--until N]
//! [--backoff BASE_MS,CAP_MS]` follows the numbered feed of the example `echo_server`. After a
//! reconnect it resumes from the last number seen.
//!
//! Exit status: 0 after a clean close, 1 if the handshake is rejected or invalid, 2 if the server
//! violates the protocol or the connection ends without a closing handshake.

mod arguments;
mod codec;
mod connect;
mod talk;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use barews::backoff::Backoff;

use arguments::Arguments;
use connect::connect;
use talk::talk;

/// An exit status and its error.
type Failure = (u8, Box<dyn Error>);

fn main() -> ExitCode {
    let arguments = match Arguments::parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(1);
        }
    };
    let mut seen = None;
    let mut backoff = Backoff::new(arguments.base, arguments.cap);
    loop {
        let start = Instant::now();
        let (status, error) = match attempt(&arguments, &mut seen) {
            Ok(()) if !arguments.reconnect || is_done(&arguments, seen) => {
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
