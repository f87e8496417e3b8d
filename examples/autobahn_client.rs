//! The client for the fuzzing server of the Autobahn test suite.
//!
//! `cargo run --release --features deflate --example autobahn_client -- ws://127.0.0.1:9401 AGENT`
//! asks the server for the number of cases, echoes every message of each case, and has the server
//! write its report. Compressed messages are echoed compressed.

#[path = "command_line.rs"]
mod command_line;

use std::error::Error;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::time::Instant;

use barews::deflate::{Deflate, DeflateParams, Effort, Inflate, InflateAssembler};
use barews::handshake::client::{Handshake, Uri};
use barews::handshake::deflate::DeflateOffer;
use barews::keepalive::Timeouts;
use barews::session::{Failure, Session, SessionEvent};
use barews::{Config, Message, OsKeys, RecvBuffer, SendBuffer, StorageFull, TransportAction};

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
fn parse(mut parser: lexopt::Parser) -> Result<Option<(String, String)>, Box<dyn Error>> {
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
    Uri::parse(&url).map_err(|error| format!("{url}: {error}"))?;
    Ok(Some((url, agent)))
}

fn run((url, agent): (String, String)) -> Result<ExitCode, Box<dyn Error>> {
    let url = Uri::parse(&url)?;
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
        Err(error) if error.downcast_ref() != Some(&EOF) => Err(error),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The end of the transport without a Close.
const EOF: Failure = Failure::Protocol(barews::Error::UnexpectedEof);

/// Runs one connection to its end. Echoes the messages for which `echo` returns true.
fn session(
    url: &Uri<'_>,
    path: &str,
    mut echo: impl FnMut(&Message<'_>) -> bool,
) -> Result<(), Box<dyn Error>> {
    let (host, port) = (url.address(), url.port());
    let (start, mut stream) = (Instant::now(), TcpStream::connect((host, port))?);
    stream.set_nodelay(true)?;
    // The server tests all compression parameters only if the offer allows them.
    let offers =
        [DeflateOffer::new().client_no_context_takeover(true).client_max_window_bits(None)];
    let request = Handshake::new(OsKeys::nonce()?, host, path).port(port).deflate(&offers);
    let (mut rx, mut tx) = (RecvBuffer::new(vec![0; 64 << 10]), SendBuffer::new(Vec::new()));
    let config = Config::new().max_fragments(1 << 20);
    let timeouts = Timeouts::new();
    let mut ws = Session::client(config, timeouts, OsKeys, &request, &mut tx, start.elapsed())?;
    let (mut messages, mut compressor) = (messages(DeflateParams::default())?, None);
    let mut failed = None;
    loop {
        let now = start.elapsed();
        while let Some(event) = ws.receive_message(&mut rx, &mut messages, &mut tx, now) {
            match event {
                SessionEvent::Opened(accepted) => {
                    if let Some(agreed) = accepted.deflate() {
                        messages = self::messages(agreed)?;
                        compressor = Some(deflate(agreed)?);
                    }
                }
                SessionEvent::Data(message) if echo(&message) => match &mut compressor {
                    Some(deflate) => ws.send_compressed(message, deflate, &mut tx)?,
                    None => ws.send_message(message, &mut tx)?,
                },
                SessionEvent::Rejected(rejected) => {
                    return Err(format!("rejected with status {}", rejected.status()).into());
                }
                SessionEvent::Failed(failure) => failed = Some(failure),
                _ => {}
            }
        }
        stream.write_all(tx.unsent())?;
        tx.sent(tx.len());
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => stream.shutdown(Shutdown::Write)?,
            TransportAction::Drop => return failed.map_or(Ok(()), |failure| Err(failure.into())),
        }
        if ws.wants_read() {
            stream.set_read_timeout(ws.timeout(start.elapsed()))?;
            match stream.read(rx.spare_mut()) {
                Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => {}
                read => rx.advance(read?),
            }
        }
    }
}

/// Where messages are put together, and inflated if they are compressed.
fn messages(agreed: DeflateParams) -> Result<InflateAssembler<Vec<u8>, Vec<u8>>, StorageFull> {
    let server = agreed.server();
    let inflate = Inflate::new(server, vec![0; Inflate::memory(server)])?;
    Ok(InflateAssembler::new(inflate, Vec::new()))
}

fn deflate(agreed: DeflateParams) -> Result<Deflate<Vec<u8>>, StorageFull> {
    let client = agreed.client();
    Deflate::new(client, Effort::FAST, vec![0; Deflate::memory(client, Effort::FAST)])
}
