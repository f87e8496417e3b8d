//! A client for the command line: connects, sends, prints every event, closes.
//!
//! `cargo run --example client -- ws://127.0.0.1:9001/ [--protocol P]... [--origin O]
//! [--header 'N: V']... [--send TEXT]...`
//!
//! Exit status: 0 after a clean close, 1 when the handshake is refused or not valid, 2 when the
//! server breaks the protocol or the connection ends without a closing handshake.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;

use barews::handshake::client::{Answer, Handshake};
use barews::handshake::{BuildError, Status};
use barews::{
    AssembleError, Assembler, CloseCode, Config, Connection, Event, MaskKeys, Message, NoKey,
    RecvBuffer,
};

type Received = RecvBuffer<Vec<u8>>;

/// Masking keys from the operating system (RFC 6455 section 10.3).
struct SystemKeys;

impl MaskKeys for SystemKeys {
    fn next_key(&mut self) -> Result<[u8; 4], NoKey> {
        let mut key = [0; 4];
        getrandom::fill(&mut key).map_err(|_| NoKey)?;
        Ok(key)
    }
}

#[derive(Default)]
struct Arguments {
    host: String,
    port: u16,
    path: String,
    protocols: Vec<String>,
    origin: Option<String>,
    headers: Vec<(String, String)>,
    texts: Vec<String>,
}

fn main() -> ExitCode {
    let refused = |error: Box<dyn Error>| {
        eprintln!("{error}");
        ExitCode::from(1)
    };
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => return refused(error),
    };
    match connect(&arguments) {
        Ok((stream, rx)) => match talk(stream, rx, &arguments.texts) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::from(2)
            }
        },
        Err(error) => refused(error),
    }
}

/// The opening handshake; what was received behind it is in the buffer.
fn connect(arguments: &Arguments) -> Result<(TcpStream, Received), Box<dyn Error>> {
    let Arguments { host, port, path, .. } = arguments;
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), *port))?;
    stream.set_nodelay(true)?;

    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce)?;
    let protocols: Vec<&str> = arguments.protocols.iter().map(String::as_str).collect();
    let headers: Vec<_> = arguments.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut handshake =
        Handshake::new(nonce, host, path).port(*port).protocols(&protocols).headers(&headers);
    if let Some(origin) = &arguments.origin {
        handshake = handshake.origin(origin);
    }
    let mut request = vec![0; 1024];
    let n = match handshake.request(&mut request) {
        Err(BuildError::BufferTooSmall { needed }) => {
            request.resize(needed, 0);
            handshake.request(&mut request)?
        }
        result => result?,
    };
    stream.write_all(&request[..n])?;

    let mut rx = RecvBuffer::new(vec![0; 16 << 10]);
    loop {
        let n = stream.read(rx.spare_mut())?;
        if n == 0 {
            return Err("the server ended the connection inside the handshake".into());
        }
        rx.advance(n);
        match handshake.response(rx.unread())? {
            Status::NeedMore(_) => {}
            Status::Complete(Answer::Rejected(rejected)) => {
                return Err(format!("refused with status {}", rejected.status()).into());
            }
            Status::Complete(Answer::Established(established)) => {
                let protocol = established.protocol().unwrap_or("-");
                let extensions = established.header("Sec-WebSocket-Extensions").next();
                let extensions = extensions.map_or("-".into(), String::from_utf8_lossy);
                println!("open protocol={protocol} extensions={extensions}");
                // The bytes behind the head are the first frames.
                let head_len = established.head_len();
                rx.consume(head_len);
                return Ok((stream, rx));
            }
        }
    }
}

/// Sends the texts and the Close, and prints events until the end.
fn talk(mut stream: TcpStream, mut rx: Received, texts: &[String]) -> Result<(), Box<dyn Error>> {
    let mut ws = Connection::client(Config::new(), SystemKeys);
    let mut messages = Assembler::new(vec![0; 64 << 10]);
    let mut out = vec![0; 1024];
    let mut awaited = texts.len();
    for text in texts {
        out.resize(out.len().max(text.len() + 256), 0);
        let n = ws.send_text(text, &mut out)?;
        stream.write_all(&out[..n])?;
    }
    if awaited == 0 {
        let n = ws.send_close(CloseCode::NORMAL, "", &mut out)?;
        stream.write_all(&out[..n])?;
    }
    loop {
        let mut input = rx.input();
        loop {
            let event = ws.receive(&mut input);
            let n = ws.transmit(&mut out)?;
            stream.write_all(&out[..n])?;
            match event? {
                Event::NeedMore(_) => break,
                Event::Ping(payload) => println!("ping {}", payload.escape_ascii()),
                Event::Pong(payload) => println!("pong {}", payload.escape_ascii()),
                Event::Close(None) => println!("close 1005"),
                Event::Close(Some(close)) => println!("close {} {}", close.code, close.reason),
                Event::Data(data) => {
                    let message = match messages.push(&data) {
                        Err(AssembleError::StorageFull(full)) => {
                            // Doubled, so that a message in many pieces is copied seldom.
                            let _ = messages.grow(vec![0; full.needed.next_power_of_two()]);
                            messages.push(&data)?
                        }
                        result => result?,
                    };
                    match message {
                        Some(Message::Text(text)) => println!("text {text}"),
                        Some(Message::Binary(bytes)) => println!("binary {} bytes", bytes.len()),
                        None => continue,
                    }
                    awaited = awaited.saturating_sub(1);
                    if awaited == 0 {
                        let n = ws.send_close(CloseCode::NORMAL, "", &mut out)?;
                        stream.write_all(&out[..n])?;
                    }
                }
            }
        }
        let n = stream.read(rx.spare_mut())?;
        if n == 0 {
            return Ok(ws.receive_eof()?);
        }
        rx.advance(n);
    }
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    use lexopt::{Arg, ValueExt};
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(url) => {
                let url: http::Uri = url.string()?.parse()?;
                if url.scheme_str() != Some("ws") {
                    return Err("the URL must begin with ws://".into());
                }
                arguments.host = url.host().ok_or("the URL has no host")?.into();
                arguments.port = url.port_u16().unwrap_or(80);
                arguments.path = url.path_and_query().map_or("/", |path| path.as_str()).into();
            }
            Arg::Long("protocol") => arguments.protocols.push(parser.value()?.string()?),
            Arg::Long("origin") => arguments.origin = Some(parser.value()?.string()?),
            Arg::Long("header") => {
                let header = parser.value()?.string()?;
                let (name, value) = header.split_once(':').ok_or("a header is 'Name: value'")?;
                arguments.headers.push((name.to_owned(), value.trim().to_owned()));
            }
            Arg::Long("send") => arguments.texts.push(parser.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if arguments.host.is_empty() {
        return Err("usage: client ws://HOST[:PORT]/PATH [--protocol P]... [--origin O] \
                    [--header 'N: V']... [--send TEXT]..."
            .into());
    }
    Ok(arguments)
}
