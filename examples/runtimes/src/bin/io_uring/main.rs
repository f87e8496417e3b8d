//! `io_uring`: one thread, no system call for a single read or write.
//!
//! The kernel owns the buffer of an operation until it completes. A sans-IO state machine fits that:
//! it borrows no buffer between two completions. Each client has one operation at a time: it writes
//! while anything is unsent, and otherwise reads, no longer than until its session's deadline.
//!
//! `cargo run -p barews-runtimes --bin io_uring -- 127.0.0.1:9001`

#![cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "io_uring needs Linux"))]

#[cfg(target_os = "linux")]
mod ring;

use std::error::Error;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Assembler, Config, RecvBuffer, SendBuffer, Server, TransportAction};

const USAGE: &str =
    "An echo server: io_uring [ADDR:PORT] (127.0.0.1:9001 by default; port 0 is any)";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9001".to_owned());
    let (Ok(address), None) = (address.parse::<SocketAddr>(), arguments.next()) else {
        eprintln!("{USAGE}");
        std::process::exit(if address == "--help" || address == "-h" { 0 } else { 2 });
    };
    #[cfg(target_os = "linux")]
    return ring::listen(address);
    #[cfg(not(target_os = "linux"))]
    return Ok(println!("io_uring is not available: {address} needs Linux"));
}

/// One connection between two completions.
pub(crate) struct Client {
    stream: TcpStream,
    start: Instant,
    ws: Session<Server>,
    rx: RecvBuffer<Vec<u8>>,
    tx: SendBuffer<Vec<u8>>,
    messages: Assembler<Vec<u8>>,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        _ = stream.set_nodelay(true);
        Self {
            stream,
            start: Instant::now(),
            ws: Session::server(Config::new(), Timeouts::new(), Duration::ZERO),
            rx: RecvBuffer::new(vec![0; 16 << 10]),
            tx: SendBuffer::new(Vec::new()),
            messages: Assembler::new(Vec::new()),
        }
    }

    /// The operation has written or read `n` bytes.
    pub(crate) fn complete(&mut self, n: usize) {
        if self.tx.is_empty() { self.rx.advance(n) } else { self.tx.sent(n) }
    }

    /// Handles what was received. Returns how long the next operation may take, or `None` at the end.
    pub(crate) fn turn(&mut self) -> Result<Option<Duration>, Box<dyn Error>> {
        let Self { stream, start, ws, rx, tx, messages } = self;
        let now = start.elapsed();
        while let Some(event) = ws.receive_message(rx, messages, tx, now) {
            match event {
                // Echoes reveal nothing private, so pages of any origin may connect (RFC 6455
                // §10.2).
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), tx, now)?,
                SessionEvent::Data(message) => ws.send_message(message, tx)?,
                SessionEvent::Failed(failure) => eprintln!("{failure}"),
                _ => {}
            }
        }
        match ws.transport_action(tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => stream.shutdown(Shutdown::Write)?,
            TransportAction::Drop => return Ok(None),
        }
        Ok(Some(ws.timeout(start.elapsed()).unwrap_or(Duration::from_secs(3600))))
    }
}
