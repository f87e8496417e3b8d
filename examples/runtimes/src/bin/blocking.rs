//! One thread per connection, on blocking `std` sockets.
//!
//! Frames are delivered whole. `Event::NeedMore` says how many bytes of the frame are missing,
//! after the limits were checked, so the receive buffer grows once, to the right length.
//!
//! `cargo run -p barews-runtimes --bin blocking -- 127.0.0.1:9001`

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use barews::handshake::server::RequestReader;
use barews::{Assembler, Config, Connection, Delivery, Event, RecvBuffer, TransportAction};
use barews_runtimes::{Failure, answer, append, echo, start};

/// A thread cannot wait for its socket and a timer at once, so there are no Pings: a peer that is
/// silent for this long is dropped.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the peer may take to close its half after ours is closed.
const LINGER: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    start("blocking", listen)
}

fn listen(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(|| serve(stream).unwrap_or_else(|error| eprintln!("{error}")));
    }
    Ok(())
}

/// Serves one connection.
fn serve(mut stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let mut rx = RecvBuffer::new(vec![0; 8192]);
    if open(&mut stream, &mut rx)? {
        serve_messages(&mut stream, rx)?;
    }
    // Dropping the socket with unread bytes could reset the connection before the peer reads the
    // Close frame.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    io::copy(&mut stream.take(1 << 20), &mut io::sink())?;
    Ok(())
}

/// Does the opening handshake. Returns whether frames follow; those already received stay in `rx`.
fn open(stream: &mut TcpStream, rx: &mut RecvBuffer<Vec<u8>>) -> Result<bool, Failure> {
    let (mut reader, mut out) = (RequestReader::new(), [0; 160]);
    loop {
        if let Some(answer) = answer(&mut reader, rx, &mut out)? {
            stream.write_all(&out[..answer.len])?;
            return Ok(answer.accepted);
        }
        match stream.read(rx.spare_mut())? {
            0 => return Ok(false),
            n => rx.advance(n),
        }
    }
}

/// Echoes messages until the closing handshake is done, or the peer was sent a Close for an error.
fn serve_messages(stream: &mut TcpStream, mut rx: RecvBuffer<Vec<u8>>) -> Result<(), Failure> {
    let mut ws = Connection::server(Config::new().delivery(Delivery::Frames));
    let mut messages = Assembler::new(Vec::new());
    let mut out = Vec::new();
    while ws.transport_action() == TransportAction::Keep {
        let event = ws.receive(&mut rx.input());
        // A Pong, or a Close that answers a Close or an error, is sent before later messages.
        append(&mut out, |out| ws.transmit(out))?;
        if let Ok(Event::Data(data)) = &event {
            echo(&mut ws, &mut messages, data, &mut out)?;
        }
        stream.write_all(&out)?;
        out.clear();
        if let Ok(Event::NeedMore(more)) = event {
            if let Err(full) = rx.reserve(more.get()) {
                drop(rx.grow(vec![0; full.needed]));
            }
            match stream.read(rx.spare_mut())? {
                0 => ws.receive_eof()?,
                n => rx.advance(n),
            }
        }
    }
    Ok(())
}
