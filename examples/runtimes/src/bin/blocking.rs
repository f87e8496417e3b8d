//! A thread for each connection, with the blocking sockets of `std`.
//!
//! Frames are taken whole: `Event::NeedMore` says how many bytes of one are missing, and was checked
//! against the limits before, so the receive buffer grows once and to the right length.
//!
//! `cargo run -p barews-runtimes --bin blocking -- 127.0.0.1:9001`

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use barews::handshake::server::Reader;
use barews::{Advice, Assembler, Config, Connection, Delivery, Event, RecvBuffer};
use barews_runtimes::{Failure, answer, append, echo, start};

/// A thread cannot wait for its socket and for a clock: a silent peer is dropped.
const SILENCE: Duration = Duration::from_secs(60);
/// How long the peer may take to end its half after ours was closed.
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

/// One connection from its first byte to its last.
fn serve(mut stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let mut rx = RecvBuffer::new(vec![0; 8192]);
    if open(&mut stream, &mut rx)? {
        converse(&mut stream, rx)?;
    }
    // A full close with unread bytes could reset the connection, and take the Close frame with it.
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    io::copy(&mut stream.take(1 << 20), &mut io::sink())?;
    Ok(())
}

/// The opening handshake; whether frames follow. Those that came with it stay in `rx`.
fn open(stream: &mut TcpStream, rx: &mut RecvBuffer<Vec<u8>>) -> Result<bool, Failure> {
    let (mut reader, mut out) = (Reader::new(), [0; 160]);
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

/// Until the closing handshake is done, or the peer was told of its fault.
fn converse(stream: &mut TcpStream, mut rx: RecvBuffer<Vec<u8>>) -> Result<(), Failure> {
    let mut ws = Connection::server(Config::new().delivery(Delivery::Frames));
    let mut messages = Assembler::new(Vec::new());
    let mut out = Vec::new();
    while ws.advice() == Advice::Keep {
        let event = ws.receive(&mut rx.input());
        // The Pong, or the Close for a Close or a fault, leaves before any message behind it.
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
