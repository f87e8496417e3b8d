//! The client that a fuzzing server of the Autobahn test suite judges.
//!
//! `cargo run --release --example autobahn_client -- ws://127.0.0.1:9401 AGENT` asks the server how
//! many cases it has, echoes through each of them, and has the report written. What comes compressed goes back compressed.

#[path = "command_line.rs"]
mod command_line;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;

use barews::deflate::{Deflate, DeflateParams, Effort, Inflate};
use barews::handshake::Status;
use barews::handshake::client::{Answer, Handshake};
use barews::handshake::deflate::DeflateOffer;
use barews::{
    Advice, AssembleError, Assembler, Client, Compressed, Config, Connection, Content, Data, Event,
    Kind, Message, RecvBuffer, SendError, StorageFull,
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
        // Most cases end with a fault of the server: that is what they test.
        if let Err(error) = session(&url, &format!("/runCase?case={case}&agent={agent}"), |_| true)
        {
            println!("case {case}: {error}");
        }
    }
    // The server ends this connection as soon as its report is written, most often without a Close.
    match session(&url, &format!("/updateReports?agent={agent}"), |_| false) {
        Err(error) if error.downcast_ref() != Some(&barews::Error::UnexpectedEof) => Err(error),
        _ => Ok(ExitCode::SUCCESS),
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
    /// Without compression nothing comes compressed, and the codec is as for any.
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

    /// Sends what is due; if that was the end, waits for the server's.
    fn transmit(&mut self) -> Result<(), Box<dyn Error>> {
        let n = self.ws.transmit(&mut self.out)?;
        self.stream.write_all(&self.out[..n])?;
        if self.ws.advice() == Advice::HalfClose {
            self.stream.shutdown(Shutdown::Write)?;
            std::io::copy(&mut self.stream, &mut std::io::sink())?;
        }
        Ok(())
    }

    /// Takes a piece as it was received; sends back the message that it ends, if `echo` wants that.
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
                // The next event is this error, and the Close that tells the server is due.
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
                let deflated = self.deflate.push(payload, true, &mut self.deflated);
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

/// The opening handshake; returns the compression in use.
fn handshake(
    stream: &mut TcpStream,
    host: &str,
    port: u16,
    path: &str,
    rx: &mut RecvBuffer<Vec<u8>>,
) -> Result<Option<DeflateParams>, Box<dyn Error>> {
    // With less in the offer the server has parameters that it does not test.
    let offers =
        [DeflateOffer::new().client_no_context_takeover(true).client_max_window_bits(None)];
    let mut handshake = Handshake::new(random(), host, path).port(port).deflate(&offers);
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
                let (deflate, head_len) = (established.deflate(), established.head_len());
                rx.consume(head_len);
                return Ok(deflate);
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
