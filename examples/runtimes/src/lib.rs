//! What the examples have in common, and has nothing to do with how a runtime reads and writes: the
//! command line, the answer to a request, the echo of a message, output into a `Vec`.

use std::fmt::Display;
use std::net::SocketAddr;
use std::process::ExitCode;

use barews::handshake::server::{Incoming, Origins, RequestReader};
use barews::handshake::{BuildError, Error::UpgradeRequired, Status};
use barews::{AssembleError, Assembler, Connection, Data, Kind, Message, RecvBuffer};
use barews::{SendError, Server};

/// An error that ends a session early.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the server `name` with the address of the command line.
///
/// The exit status is 2 for a wrong argument, and 1 if `serve` fails.
pub fn start<E: Display>(name: &str, serve: impl FnOnce(SocketAddr) -> Result<(), E>) -> ExitCode {
    let usage = format!("usage: {name} [ADDR:PORT]    (127.0.0.1:9001 by default; port 0 is any)");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = match &arguments[..] {
        [] => Ok(SocketAddr::from(([127, 0, 0, 1], 9001))),
        [help] if help == "--help" || help == "-h" => {
            println!("An echo server for WebSocket clients.\n\n{usage}");
            return ExitCode::SUCCESS;
        }
        [address] => address.parse().map_err(|_| format!("{address} is no ADDR:PORT")),
        _ => Err("there is more than one argument".to_owned()),
    };
    match address.map(serve) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}\n{usage}");
            ExitCode::from(2)
        }
    }
}

/// The answer to a request.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Its length in bytes.
    pub len: usize,
    /// Whether frames follow. If not, close the transport after the response.
    pub accepted: bool,
}

/// Reads the request at the start of `rx`, and writes the response into `out`. Returns `None` while
/// the request is incomplete. Bytes after the request are frames, and stay in `rx`.
///
/// # Errors
///
/// [`BuildError::BufferTooSmall`]. 160 bytes are always enough.
pub fn answer<S: AsRef<[u8]> + AsMut<[u8]>>(
    reader: &mut RequestReader,
    rx: &mut RecvBuffer<S>,
    out: &mut [u8],
) -> Result<Option<Answer>, BuildError> {
    let accept = match reader.read(rx.unread()) {
        Ok(Status::NeedMore(_)) => return Ok(None),
        // Echoes reveal nothing private, so pages of any origin may connect (RFC 6455 §10.2).
        Ok(Status::Complete(Incoming::Upgrade(upgrade))) => {
            upgrade.accept(Origins::Any).map(|accept| (accept, upgrade.request().head_len()))
        }
        Ok(Status::Complete(Incoming::Plain(_))) => Err(UpgradeRequired),
        Err(error) => Err(error),
    };
    Ok(Some(match accept {
        Ok((accept, head_len)) => {
            let len = accept.write(out)?;
            rx.consume(head_len);
            Answer { len, accepted: true }
        }
        Err(error) => Answer { len: error.respond(out)?, accepted: false },
    }))
}

/// Adds `data` to the message in `messages`. If that completes the message, appends its echo to
/// `out` and returns true.
///
/// # Errors
///
/// [`SendError::Closed`], and [`AssembleError::InvalidUtf8`] if the caller has modified `data`.
pub fn echo(
    ws: &mut Connection<Server>,
    messages: &mut Assembler<Vec<u8>>,
    data: &Data<'_>,
    out: &mut Vec<u8>,
) -> Result<bool, Failure> {
    let message = loop {
        match messages.push(data) {
            Err(AssembleError::StorageFull(full)) => {
                // At least double the storage, or every short fragment would copy the whole
                // message.
                drop(messages.grow(vec![0; full.needed.next_power_of_two()]));
            }
            message => break message?,
        }
    };
    let (kind, payload) = match message {
        Some(Message::Text(text)) => (Kind::Text, text.as_bytes()),
        Some(Message::Binary(bytes)) => (Kind::Binary, bytes),
        None => return Ok(false),
    };
    append(out, |out| ws.send_fragment(kind, true, payload, out))?;
    Ok(true)
}

/// Appends what `send` writes to `out`, growing `out` as needed.
///
/// # Errors
///
/// The error of `send`; `out` is unchanged then.
pub fn append(
    out: &mut Vec<u8>,
    mut send: impl FnMut(&mut [u8]) -> Result<usize, SendError>,
) -> Result<(), SendError> {
    let start = out.len();
    let mut result = send(&mut []);
    if let Err(SendError::BufferTooSmall { needed }) = result {
        out.resize(start + needed, 0);
        result = send(&mut out[start..]);
        out.truncate(start + result.unwrap_or(0));
    }
    result.map(drop)
}
