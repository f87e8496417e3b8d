//! A command-line client: connects, sends, prints every event and closes; or stays connected and
//! reconnects.
//!
//! `cargo run --example client -- ws://127.0.0.1:9001/ --send TEXT`. With `--deflate` it offers compression (RFC 7692), and
//! `cargo run --example client -- ws://127.0.0.1:9001/feed --reconnect --resume` follows the numbered feed of the example
//! server over any loss, from the last number received; at another server of the same feed if more URLs are given. `-- --help` lists the options and the exit statuses.

mod arguments;
mod codec;
#[path = "../command_line.rs"]
mod command_line;
mod talk;
mod websocket;

use std::process::ExitCode;
use std::time::Duration;

use barews::OsKeys;
use barews::backoff::Backoff;
use barews::handshake::client::Handshake;
use barews::handshake::deflate::DeflateOffer;
use barews::session::SessionEvent;

use arguments::{Arguments, USAGE};
use talk::{Feed, Talk};
use websocket::{Failure, WebSocket, back_off, connect};

/// The end of an attempt: how long it was connected, and why it failed, with the exit status.
struct End {
    up: Duration,
    failure: Option<(u8, Failure)>,
    is_done: bool,
}

fn main() -> ExitCode {
    command_line::main(USAGE, Arguments::parse, |arguments| run(&arguments))
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut feed = Feed::default();
    let mut backoff = Backoff::new(arguments.base, arguments.cap);
    let mut number = 0;
    loop {
        let End { up, failure, is_done } = attempt(arguments, number, &mut feed)?;
        if failure.is_none() && (is_done || !arguments.reconnect) {
            return Ok(ExitCode::SUCCESS);
        }
        // Without a failure the server closed the connection, and may be back soon.
        let (status, error) = failure.unwrap_or((0, "closed".into()));
        eprintln!("{error}");
        if !arguments.reconnect {
            return Ok(ExitCode::from(status));
        }
        back_off(&mut backoff, up)?;
        number += 1;
    }
}

/// Connects, and stays until the end of the connection.
fn attempt(arguments: &Arguments, number: usize, feed: &mut Feed) -> Result<End, Failure> {
    let uri = arguments.uri(number)?;
    let path = match feed.seen {
        Some(seen) if arguments.resume => {
            let separator = if uri.path().contains('?') { '&' } else { '?' };
            format!("{}{separator}after={seen}", uri.path())
        }
        _ => uri.path().to_owned(),
    };
    let protocols: Vec<&str> = arguments.protocols.iter().map(String::as_str).collect();
    let headers: Vec<_> = arguments.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    // Lets the server limit our window.
    let offers = [DeflateOffer::new().client_max_window_bits(None)];
    let mut handshake = Handshake::new(OsKeys::nonce()?, uri.host(), &path)
        .port(uri.port())
        .protocols(&protocols)
        .headers(&headers)
        .deflate(if arguments.deflate { &offers } else { &[] });
    if let Some(origin) = &arguments.origin {
        handshake = handshake.origin(origin);
    }
    let mut talk = Talk::new(arguments, feed);
    let result = connect((uri.address(), uri.port()), arguments.connect).and_then(|stream| {
        let on_event = |ws: &mut WebSocket, event: SessionEvent<'_>| talk.on_event(ws, event);
        WebSocket::run(stream, &handshake, arguments.timeouts, on_event)
    });
    let status = if talk.opened.is_some() { 2 } else { 1 };
    let up = talk.opened.map_or(Duration::ZERO, |opened| opened.elapsed());
    let is_done = talk.is_done();
    let failure = talk.failure.or(result.err()).map(|error| (status, error));
    Ok(End { up, failure, is_done })
}
