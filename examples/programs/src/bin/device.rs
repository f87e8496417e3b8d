//! Runs the client for a microcontroller, `examples/device`, on a computer: standard input and output are its line.
//!
//! `cargo run -p barews-programs --bin device -- HOST` sends a text, and 50,000 bytes that no buffer holds, and closes
//! after the echoes of both. It prints what happens on standard error.

use std::io::{Read, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use barews::handshake::client::Handshake;
use barews::session::SessionEvent;
use barews::{CloseCode, Kind, OsKeys};
use barews_device::{Device, Pipe};

type Failure = Box<dyn std::error::Error>;

/// How long a turn waits for bytes.
const TICK: Duration = Duration::from_millis(5);
/// The length of the message that is longer than the buffers.
const LONG: usize = 50_000;

/// The line, one byte after the other.
struct Line {
    bytes: Receiver<u8>,
    start: Instant,
}

impl Line {
    fn new() -> Self {
        let (sender, bytes) = sync_channel(64);
        thread::spawn(move || {
            stdin().lock().bytes().map_while(Result::ok).try_for_each(|it| sender.send(it))
        });
        Self { bytes, start: Instant::now() }
    }
}

impl Pipe for Line {
    type Error = Failure;

    fn read(&mut self, to: &mut [u8]) -> Result<usize, Failure> {
        let Some(first) = to.first_mut() else { return Ok(0) };
        match self.bytes.recv_timeout(TICK) {
            Ok(byte) => *first = byte,
            Err(RecvTimeoutError::Timeout) => return Ok(0),
            Err(RecvTimeoutError::Disconnected) => return Err("the line has ended".into()),
        }
        let mut n = 1;
        for (to, byte) in to[1..].iter_mut().zip(self.bytes.try_iter()) {
            *to = byte;
            n += 1;
        }
        Ok(n)
    }

    fn write(&mut self, from: &[u8]) -> Result<usize, Failure> {
        stdout().write_all(from)?;
        stdout().flush()?;
        Ok(from.len())
    }

    fn now(&mut self) -> Duration {
        self.start.elapsed()
    }
}

fn run() -> Result<(), Failure> {
    let host = std::env::args().nth(1).unwrap_or("localhost".into());
    let handshake = Handshake::new(OsKeys::nonce()?, &host, "/");
    let mut device = Device::new(Line::new(), OsKeys, &handshake)?;
    // In a microcontroller, a constant in its flash.
    let long: Vec<u8> = (0..LONG).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let (mut is_open, mut failure) = (false, None);
    let (mut echo, mut pieces, mut messages) = (Vec::new(), 0, 0);
    let mut rest: &[u8] = &[];
    let mut is_closing = false;
    while device.turn(|event| match event {
        SessionEvent::Opened(_) => is_open = true,
        SessionEvent::Rejected(rejected) => eprintln!("rejected with {}", rejected.status()),
        SessionEvent::Data(data) => {
            echo.extend_from_slice(data.payload);
            pieces += 1;
            messages += usize::from(data.fin);
        }
        SessionEvent::Ping(payload) => eprintln!("ping of {} bytes", payload.len()),
        SessionEvent::Close(Some(close)) => eprintln!("close {}", close.code),
        SessionEvent::Failed(it) => failure = Some(it),
        _ => {}
    })? {
        if std::mem::take(&mut is_open) {
            device.send_text("22.5 °C")?;
            device.begin(Kind::Binary, u64::try_from(long.len())?)?;
            rest = &long;
        }
        if !rest.is_empty() {
            rest = &rest[device.push(rest)?..];
        }
        if messages == 2 && !is_closing {
            is_closing = true;
            device.close(CloseCode::NORMAL)?;
        }
    }
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    let is_echo = echo.strip_prefix("22.5 °C".as_bytes()) == Some(&long);
    eprintln!(
        "{messages} messages in {pieces} pieces, {}",
        if is_echo { "as sent" } else { "not as sent" }
    );
    if is_echo { Ok(()) } else { Err("no echo".into()) }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
