//! One thread per connection, on blocking `std` sockets.
//!
//! A thread waits for one thing at a time: while anything is unsent it writes, otherwise it reads,
//! in both cases no longer than until the session's deadline. So Pings and timeouts need no second
//! thread, and a client that does not read its echoes is not read either.
//!
//! `cargo run -p barews-runtimes --bin blocking -- 127.0.0.1:9001`

use std::error::Error;
use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use barews::handshake::server::Origins;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Assembler, Config, RecvBuffer, SendBuffer, TransportAction};

const USAGE: &str =
    "An echo server: blocking [ADDR:PORT] (127.0.0.1:9001 by default; port 0 is any)";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9001".to_owned());
    let (Ok(address), None) = (address.parse::<SocketAddr>(), arguments.next()) else {
        eprintln!("{USAGE}");
        std::process::exit(if address == "--help" || address == "-h" { 0 } else { 2 });
    };
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let spawned = listener.accept().and_then(|(stream, _)| {
            let serve = || serve(stream).unwrap_or_else(|error| eprintln!("{error}"));
            thread::Builder::new().spawn(serve)
        });
        if spawned.is_err() {
            // No descriptor or no thread is left. Wait until another client ends.
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Serves one connection.
fn serve(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let start = Instant::now();
    let mut ws = Session::server(Config::new(), Timeouts::new(), Duration::ZERO);
    let (mut rx, mut tx) = (RecvBuffer::new(vec![0; 8192]), SendBuffer::new(Vec::new()));
    let (mut messages, mut outcome) = (Assembler::new(Vec::new()), Ok(()));
    loop {
        let now = start.elapsed();
        while let Some(event) = ws.receive_message(&mut rx, &mut messages, &mut tx, now) {
            match event {
                // Echoes reveal nothing private, so pages of any origin may connect (RFC 6455
                // §10.2).
                SessionEvent::Upgrade(it) => ws.answer(it.accept(Origins::Any), &mut tx, now)?,
                SessionEvent::Data(message) => ws.send_message(message, &mut tx)?,
                SessionEvent::Failed(failure) => outcome = Err(failure.into()),
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => stream.shutdown(Shutdown::Write)?,
            TransportAction::Drop => return outcome,
        }
        let wait = ws.timeout(start.elapsed());
        let done = if tx.is_empty() {
            stream.set_read_timeout(wait)?;
            rx.read_with(|space| stream.read(space))
        } else {
            stream.set_write_timeout(wait)?;
            tx.write_with(|bytes| stream.write(bytes))
        };
        match done.map_err(|error| (error.kind(), error)) {
            Ok(_) | Err((WouldBlock | TimedOut | Interrupted, _)) => {}
            Err((_, error)) => return Err(error.into()),
        }
    }
}
