//! The client for the fuzzing server of the Autobahn test suite.
//!
//! `cargo run --release --features deflate --example autobahn_client -- ws://127.0.0.1:9401 AGENT`
//! asks the server for the number of cases, echoes every message of each case, and has the server
//! write its report. Compressed messages are echoed compressed.

#[path = "command_line.rs"]
mod command_line;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;

use barews::deflate::{Deflate, DeflateParams, Effort, Flush, Inflate};
use barews::handshake::Status;
use barews::handshake::client::{Handshake, Response};
use barews::handshake::deflate::DeflateOffer;
use barews::{
    AssembleError, Assembler, Client, Compressed, Config, Connection, Content, Data, Event, Kind,
    Message, RecvBuffer, SendError, StorageFull, TransportAction,
};

const USAGE: &str = "\
The client that a fuzzing server of the Autobahn test suite judges.

usage: autobahn_client ws://HOST:PORT AGENT

  AGENT       the client's name in the report
  -h, --help  print this text
";

fn main() -> ExitCode {
    command_line::main(USAGE, parse, run)
}

/// The server and the client's name; `None` if help was asked for.
fn parse(mut parser: lexopt::Parser) -> Result<Option<(http::Uri, String)>, Box<dyn Error>> {
    use lexopt::{Arg, ValueExt};
    let mut values = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Value(value) if values.len() < 2 => values.push(value.string()?),
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    let [url, agent] =
        <[String; 2]>::try_from(values).map_err(|_| "a URL and a name are needed")?;
    let url = url.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
    Ok(Some((url, agent)))
}

fn run((url, agent): (http::Uri, String)) -> Result<ExitCode, Box<dyn Error>> {
    let mut count = String::new();
    session(&url, "/getCaseCount", |message| {
        if let Message::Text(text) = message {
            (**text).clone_into(&mut count);
        }
        false
    })?;
    for case in 1..=count.parse::<u32>()? {
        // Most cases end with an error: the server violates the protocol on purpose.
        if let Err(error) = session(&url, &format!("/runCase?case={case}&agent={agent}"), |_| true)
        {
            println!("case {case}: {error}");
        }
    }
    // The server ends this connection once its report is written, mostly without a Close.
    match session(&url, &format!("/updateReports?agent={agent}"), |_| false) {
        Err(error) if error.downcast_ref() != Some(&barews::Error::UnexpectedEof) => Err(error),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Runs one connection to its end. Echoes the messages for which `echo` returns true.
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
    let agreed = handshake(&mut stream, host, port, path, &mut rx)?;
    let mut session = Session::new(stream, agreed)?;
    loop {
        let mut input = rx.input();
        loop {
            let event = session.ws.receive(&mut input);
            session.transmit()?;
            match event? {
                Event::NeedMore(_) => break,
                Event::Data(data) => session.take(data, &mut echo)?,
                Event::Ping(_) | Event::Pong(_) | Event::Close(_) => {}
            }
        }
        let n = session.stream.read(rx.spare_mut())?;
        if n == 0 {
            return Ok(session.ws.receive_eof()?);
        }
        rx.advance(n);
    }
}

type Keys = fn() -> [u8; 4];

struct Session {
    stream: TcpStream,
    ws: Connection<Client<Keys>>,
    inflate: Inflate<Vec<u8>>,
    messages: Assembler<Vec<u8>>,
    deflate: Deflate<Vec<u8>>,
    deflated: Vec<u8>,
    out: Vec<u8>,
}

impl Session {
    /// Without negotiated compression, the codecs get default parameters, and data passes through
    /// unchanged.
    fn new(stream: TcpStream, agreed: Option<DeflateParams>) -> Result<Self, StorageFull> {
        let config = Config::new().max_fragments(1 << 20).deflate(agreed.is_some());
        let agreed = agreed.unwrap_or_default();
        let (ours, theirs) = (agreed.client(), agreed.server());
        let memory = vec![0; Deflate::memory(ours, Effort::FAST)];
        Ok(Self {
            stream,
            ws: Connection::client(config, random::<4>),
            inflate: Inflate::new(theirs, vec![0; Inflate::memory(theirs)])?,
            messages: Assembler::new(vec![0; 64 << 10]),
            deflate: Deflate::new(ours, Effort::FAST, memory)?,
            deflated: Vec::new(),
            out: vec![0; 64 << 10],
        })
    }

    /// Sends what is queued. If that ends the connection, waits for the server to close it.
    fn transmit(&mut self) -> Result<(), Box<dyn Error>> {
        let n = self.ws.transmit(&mut self.out)?;
        self.stream.write_all(&self.out[..n])?;
        if self.ws.transport_action() == TransportAction::HalfClose {
            self.stream.shutdown(Shutdown::Write)?;
            std::io::copy(&mut self.stream, &mut std::io::sink())?;
        }
        Ok(())
    }

    /// Takes a received piece of a message. After the last piece, echoes the message if `echo`
    /// returns true.
    fn take(
        &mut self,
        mut data: Data<'_>,
        echo: &mut impl FnMut(&Message<'_>) -> bool,
    ) -> Result<(), Box<dyn Error>> {
        let compressed = data.compressed;
        let mut room = [0; 16 << 10];
        loop {
            let piece = match self.inflate.push(&mut data, &mut room) {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(()),
                // The next call to `receive` returns this error, and a Close is queued.
                Err(error) => {
                    self.ws.fail(error);
                    return Ok(());
                }
            };
            let message = match self.messages.push(&piece) {
                Err(AssembleError::StorageFull(full)) => {
                    let _ = self.messages.grow(vec![0; full.needed.next_power_of_two()]);
                    self.messages.push(&piece)?
                }
                result => result?,
            };
            let Some(message) = message.filter(|message| echo(message)) else { continue };
            let (kind, mut payload) = match message {
                Message::Text(text) => (Kind::Text, text.as_bytes()),
                Message::Binary(bytes) => (Kind::Binary, bytes),
            };
            let mut content = Content::from(kind);
            if compressed {
                self.deflated.resize(Deflate::max_len(payload.len()), 0);
                let deflated = self.deflate.push(payload, Flush::Finish, &mut self.deflated);
                payload = &self.deflated[..deflated.written];
                content = Compressed(kind).into();
            }
            let n = loop {
                match self.ws.send_fragment(content, true, payload, &mut self.out) {
                    Err(SendError::BufferTooSmall { needed }) => self.out.resize(needed, 0),
                    result => break result?,
                }
            };
            self.stream.write_all(&self.out[..n])?;
        }
    }
}

/// Does the opening handshake. Returns the negotiated compression.
fn handshake(
    stream: &mut TcpStream,
    host: &str,
    port: u16,
    path: &str,
    rx: &mut RecvBuffer<Vec<u8>>,
) -> Result<Option<DeflateParams>, Box<dyn Error>> {
    // The server tests all compression parameters only if the offer allows them.
    let offers =
        [DeflateOffer::new().client_no_context_takeover(true).client_max_window_bits(None)];
    let mut handshake = Handshake::new(random(), host, path).port(port).deflate(&offers);
    let mut request = [0; 1024];
    let n = handshake.write_request(&mut request)?;
    stream.write_all(&request[..n])?;
    loop {
        let n = stream.read(rx.spare_mut())?;
        if n == 0 {
            return Err("the server closed the connection during the handshake".into());
        }
        rx.advance(n);
        match handshake.read_response(rx.unread())? {
            Status::NeedMore(_) => {}
            Status::Complete(Response::Accepted(accepted)) => {
                let (deflate, head_len) = (accepted.deflate(), accepted.head_len());
                rx.consume(head_len);
                return Ok(deflate);
            }
            Status::Complete(Response::Rejected(rejected)) => {
                return Err(format!("rejected with status {}", rejected.status()).into());
            }
        }
    }
}

/// Unpredictable bytes from the operating system (RFC 6455 §10.3).
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system provides random bytes");
    bytes
}
