//! The client that a fuzzing server of the Autobahn test suite judges.
//!
//! `cargo run --release --example autobahn_client -- ws://127.0.0.1:9401 AGENT` asks the server how
//! many cases it has, echoes through each of them, and has the report written.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use barews::handshake::Status;
use barews::handshake::client::{Answer, Handshake};
use barews::{
    Advice, AssembleError, Assembler, Config, Connection, Event, Message, RecvBuffer, SendError,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(agent)) = (arguments.next(), arguments.next()) else {
        return Err("usage: autobahn_client ws://HOST:PORT AGENT".into());
    };
    let url: http::Uri = url.parse()?;

    let mut count = String::new();
    session(&url, "/getCaseCount", |message| {
        if let Message::Text(text) = message {
            (**text).clone_into(&mut count);
        }
        false
    })?;
    for case in 1..=count.parse::<u32>()? {
        // Most cases end with a fault of the server: that is what they test.
        if let Err(error) = session(&url, &format!("/runCase?case={case}&agent={agent}"), |_| true)
        {
            println!("case {case}: {error}");
        }
    }
    // The server ends this connection as soon as its report is written, most often without a Close.
    match session(&url, &format!("/updateReports?agent={agent}"), |_| false) {
        Err(error) if error.downcast_ref() != Some(&barews::Error::UnexpectedEof) => Err(error),
        _ => Ok(()),
    }
}

/// One connection from its handshake to its end; sends back the messages that `echo` wants.
fn session(
    url: &http::Uri,
    path: &str,
    mut echo: impl FnMut(&Message<'_>) -> bool,
) -> Result<(), Box<dyn Error>> {
    let host = url.host().ok_or("the URL has no host")?;
    let port = url.port_u16().unwrap_or(80);
    let mut stream = TcpStream::connect((host, port))?;
    stream.set_nodelay(true)?;
    let mut rx = RecvBuffer::new(vec![0; 64 << 10]);
    let head_len = handshake(&mut stream, host, port, path, &mut rx)?;
    rx.consume(head_len);

    let config = Config::new().max_fragments(1 << 20);
    let mut ws = Connection::client(config, random::<4>);
    let mut messages = Assembler::new(vec![0; 64 << 10]);
    let mut out = vec![0; 64 << 10];
    loop {
        let mut input = rx.input();
        loop {
            let event = ws.receive(&mut input);
            let n = ws.transmit(&mut out)?;
            stream.write_all(&out[..n])?;
            if ws.advice() == Advice::HalfClose {
                stream.shutdown(Shutdown::Write)?;
                std::io::copy(&mut stream, &mut std::io::sink())?;
            }
            let data = match event? {
                Event::NeedMore(_) => break,
                Event::Data(data) => data,
                Event::Ping(_) | Event::Pong(_) | Event::Close(_) => continue,
            };
            let message = match messages.push(&data) {
                Err(AssembleError::StorageFull(full)) => {
                    let _ = messages.grow(vec![0; full.needed.next_power_of_two()]);
                    messages.push(&data)?
                }
                result => result?,
            };
            if let Some(message) = message.filter(|message| echo(message)) {
                let n = loop {
                    let sent = match message {
                        Message::Text(text) => ws.send_text(text, &mut out),
                        Message::Binary(bytes) => ws.send_binary(bytes, &mut out),
                    };
                    match sent {
                        Err(SendError::BufferTooSmall { needed }) => out.resize(needed, 0),
                        result => break result?,
                    }
                };
                stream.write_all(&out[..n])?;
            }
        }
        let n = stream.read(rx.spare_mut())?;
        if n == 0 {
            return Ok(ws.receive_eof()?);
        }
        rx.advance(n);
    }
}

/// The opening handshake; returns the length of the answer's head.
fn handshake(
    stream: &mut TcpStream,
    host: &str,
    port: u16,
    path: &str,
    rx: &mut RecvBuffer<Vec<u8>>,
) -> Result<usize, Box<dyn Error>> {
    let mut handshake = Handshake::new(random(), host, path).port(port);
    let mut request = [0; 1024];
    let n = handshake.request(&mut request)?;
    stream.write_all(&request[..n])?;
    loop {
        let n = stream.read(rx.spare_mut())?;
        if n == 0 {
            return Err("the server ended the connection inside the handshake".into());
        }
        rx.advance(n);
        match handshake.response(rx.unread())? {
            Status::NeedMore(_) => {}
            Status::Complete(Answer::Established(established)) => {
                return Ok(established.head_len());
            }
            Status::Complete(Answer::Rejected(rejected)) => {
                return Err(format!("refused with status {}", rejected.status()).into());
            }
        }
    }
}

/// Unpredictable bytes of the operating system (RFC 6455 section 10.3).
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}
