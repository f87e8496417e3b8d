//! A reverse proxy, which passes frames on as they are, while they arrive.
//!
//! `cargo run --release --example relay -- --listen 127.0.0.1:9000 --upstream 127.0.0.1:9001`
//!
//! Each client has a thread, and two buffers of 4 KiB in each direction, however long a frame is.
//! Client and server agree with each other on compression and subprotocol, so a compressed message is
//! only masked anew. They answer each other's Pings and Closes, too.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use barews::deflate::{CompressionContext, DeflateParams, Inflate};
use barews::handshake::client::Handshake;
use barews::handshake::deflate::DeflateOffer;
use barews::handshake::{HeaderField, server::Upgrade};
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent, SessionRole};
use barews::{Assembler, Client, CloseCode, Config, ControlOrder, Data, Message, OsKeys};
use barews::{RecvBuffer, SendBuffer, Server, TransportAction};
use lexopt::prelude::*;
use mio::{Events, Interest, Poll, Token};
use socket2::{SockRef, TcpKeepalive};

/// The output of one leg holds what the other has received, and a Close.
const TX_LEN: usize = 4096;
const RX_LEN: usize = TX_LEN - 160;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// No message has a deadline, because it streams. Pings are sent by the far ends only.
const TIMEOUTS: Timeouts = Timeouts::new().message_within(None).ping_after(None);
const PASSED: [&str; 5] =
    ["Authorization", "Cookie", "Set-Cookie", "User-Agent", "WWW-Authenticate"];

const MAX_CLIENTS: usize = 1000;

#[derive(Clone, Copy)]
struct Options {
    upstream: SocketAddr,
    /// The longest message from the client, and from the server.
    max_up: u64,
    max_down: u64,
    inspect: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 9000));
    let (max_up, max_down) = (Config::UNLIMITED, Config::UNLIMITED);
    let mut options = Options { upstream: listen, max_up, max_down, inspect: false };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => listen = arguments.value()?.parse()?,
            Long("upstream") => options.upstream = arguments.value()?.parse()?,
            Long("max-up") => options.max_up = arguments.value()?.parse()?,
            Long("max-down") => options.max_down = arguments.value()?.parse()?,
            Long("inspect") => options.inspect = true,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let listener = TcpListener::bind(listen)?;
    println!("listening on {}", listener.local_addr()?);
    let clients = Arc::new(());
    loop {
        let client = Arc::clone(&clients);
        let started = listener.accept().and_then(|(stream, _)| {
            std::thread::Builder::new().spawn(move || {
                serve(stream, options).unwrap_or_else(|error| eprintln!("{error}"));
                drop(client);
            })
        });
        if let Err(error) = started {
            eprintln!("{error}");
            std::thread::sleep(Duration::from_millis(100));
        }
        // The others wait in the backlog.
        while Arc::strong_count(&clients) > MAX_CLIENTS {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

type Output = SendBuffer<[u8; TX_LEN]>;

/// Sees what passes.
type See = Box<dyn FnMut(Data<'_>)>;

/// Its length pauses the other leg, never its own.
fn output() -> Output {
    SendBuffer::with_marks([0; TX_LEN], 0, usize::MAX)
}

/// One of the two connections.
struct Leg<R: SessionRole> {
    ws: Session<R>,
    rx: RecvBuffer<[u8; RX_LEN]>,
    tx: Output,
    stream: mio::net::TcpStream,
    is_over: bool,
}

impl<R: SessionRole> Leg<R> {
    fn new(ws: Session<R>, tx: Output, stream: TcpStream, poll: &Poll) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(0), Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { ws, rx: RecvBuffer::new([0; RX_LEN]), tx, stream, is_over: false })
    }

    /// Writes, ends the transport when it is time, and reads. Returns whether that changed anything.
    fn exchange(&mut self) -> bool {
        let (mut written, mut read) = (None, None);
        if !self.tx.is_empty() {
            // If the transport is lost, so is the output, and reading tells.
            written = unless_blocked(self.stream.write(self.tx.unsent()), usize::MAX);
            self.tx.sent(written.unwrap_or(0));
        }
        match self.ws.transport_action(&self.tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => _ = self.stream.shutdown(Shutdown::Write),
            TransportAction::Drop => self.is_over = true,
        }
        if self.is_over {
            _ = self.stream.shutdown(Shutdown::Both);
        }
        if self.ws.wants_read() {
            read = unless_blocked(self.stream.read(self.rx.spare_mut()), 0);
            read.into_iter().for_each(|n| self.rx.advance(n));
        }
        written.or(read).is_some()
    }

    /// Passes on what was received. If this leg fails, the other is closed with the code `lost`.
    fn pass<P: SessionRole>(
        &mut self,
        to: &mut Leg<P>,
        lost: CloseCode,
        see: &mut See,
        now: Duration,
    ) {
        self.ws.pause(!to.tx.is_empty());
        while let Some(event) = self.ws.receive(&mut self.rx, &mut self.tx, now) {
            if to.ws.forward(&event, lost, &mut to.tx, now).is_err() {
                _ = to.stream.shutdown(Shutdown::Both);
            }
            match event {
                SessionEvent::Data(data) => see(data),
                SessionEvent::Failed(failure) => eprintln!("{failure}"),
                _ => {}
            }
        }
    }
}

/// The number of bytes moved: `lost` if the transport is lost, `None` if it is blocked.
fn unless_blocked(result: io::Result<usize>, lost: usize) -> Option<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        result => Some(result.unwrap_or(lost)),
    }
}

/// Waits for the sockets and deadlines.
struct Waiter {
    poll: Poll,
    start: Instant,
}

impl Waiter {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn wait(&mut self, deadlines: [Option<Duration>; 2]) -> io::Result<()> {
        let deadline = deadlines.into_iter().flatten().min();
        let time = deadline.map(|at| at.saturating_sub(self.now()));
        match self.poll.poll(&mut Events::with_capacity(2), time) {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    fn turn<R: SessionRole>(&mut self, leg: &mut Leg<R>) -> io::Result<()> {
        if leg.exchange() { Ok(()) } else { self.wait([leg.ws.deadline(), None]) }
    }
}

/// Opens the connection to the server, and answers the client as the server answers.
fn open(
    upgrade: &Upgrade<'_>,
    ws: &mut Session<Server>,
    tx: &mut Output,
    options: Options,
    waiter: &mut Waiter,
) -> Result<(Leg<Client<OsKeys>>, DeflateParams), Box<dyn Error>> {
    let stream = TcpStream::connect_timeout(&options.upstream, CONNECT_WITHIN)?;
    let (host, port) = (options.upstream.ip().to_string(), options.upstream.port());
    let protocols: Vec<_> = upgrade.protocols().collect();
    let offers: Vec<_> = upgrade.extensions().filter_map(DeflateOffer::parse).collect();
    let fields = passed(upgrade.request().headers());
    let mut request = Handshake::new(OsKeys::nonce()?, &host, upgrade.request().target())
        .port(port)
        .protocols(&protocols)
        .deflate(&offers)
        .headers(&fields);
    if let Some(origin) = upgrade.origin() {
        request = request.origin(str::from_utf8(origin)?);
    }
    let (config, mut out) = (config(options.max_down), output());
    let session = Session::client(config, TIMEOUTS, OsKeys, &request, &mut out, waiter.now())?;
    let mut server = Leg::new(session, out, stream, &waiter.poll)?;
    loop {
        match server.ws.receive(&mut server.rx, &mut server.tx, waiter.now()) {
            Some(SessionEvent::Opened(accepted)) => {
                let accept = upgrade
                    .accept_as(accepted.protocol(), accepted.deflate())
                    .ok_or("no offer is like the answer")?;
                ws.answer(Ok(accept.headers(&passed(accepted.headers()))), tx, waiter.now())?;
                let params = accepted.deflate().unwrap_or_default();
                return Ok((server, params));
            }
            Some(SessionEvent::Rejected(rejected)) => {
                let fields = passed(rejected.headers());
                ws.respond(rejected.status(), &fields, b"", tx, waiter.now())?;
                return Err("the server rejects the client".into());
            }
            Some(SessionEvent::Failed(failure)) => return Err(failure.into()),
            Some(_) => {}
            None => waiter.turn(&mut server)?,
        }
    }
}

fn config(max_message_len: u64) -> Config {
    let config = Config::new().max_frame_len(max_message_len).max_message_len(max_message_len);
    let config = config.max_fragments(u32::MAX).control_order(ControlOrder::Wire);
    config.auto_pong(false).auto_close(false).auto_fail(false)
}

fn passed<'b>(fields: impl Iterator<Item = HeaderField<'b>>) -> Vec<(&'b str, &'b str)> {
    fields
        .filter(|field| PASSED.iter().any(|name| name.eq_ignore_ascii_case(field.name)))
        .filter_map(|field| Some((field.name, str::from_utf8(field.value).ok()?)))
        .collect()
}

/// Lets `inspect` see each whole message of at most 64 KiB, inflated. What cannot be inflated is left
/// to the far end.
fn tap(context: CompressionContext, mut inspect: impl FnMut(Message<'_>)) -> impl FnMut(Data<'_>) {
    let mut messages = Assembler::new(vec![0; 64 << 10].into_boxed_slice());
    let inflate = Inflate::new(context, vec![0; Inflate::memory(context)]).ok();
    let mut inflate = inflate.map(|inflate| inflate.max_message_len(Config::UNLIMITED));
    move |mut data| {
        let mut out = [0; 4096];
        while let Some(Ok(Some(chunk))) = inflate.as_mut().map(|it| it.push(&mut data, &mut out)) {
            if let Ok(Some(message)) = messages.push(&chunk) {
                inspect(message);
            }
        }
    }
}

/// Serves a client until both connections are over.
fn serve(stream: TcpStream, options: Options) -> Result<(), Box<dyn Error>> {
    let mut waiter = Waiter { poll: Poll::new()?, start: Instant::now() };
    let ws = Session::server(config(options.max_up), TIMEOUTS, waiter.now());
    let mut client = Leg::new(ws, output(), stream, &waiter.poll)?;
    let (mut server, params) = loop {
        match client.ws.receive(&mut client.rx, &mut client.tx, waiter.now()) {
            Some(SessionEvent::Upgrade(upgrade)) => {
                let (ws, tx) = (&mut client.ws, &mut client.tx);
                match open(&upgrade, ws, tx, options, &mut waiter) {
                    Ok(opened) => break opened,
                    Err(error) => eprintln!("{error}"),
                }
                // No effect if the client has been answered.
                ws.respond(502, &[], b"", tx, waiter.now())?;
            }
            Some(_) => {}
            None if client.is_over => return Ok(()),
            None => waiter.turn(&mut client)?,
        }
    };
    let mut taps: [See; 2] = [Box::new(|_| {}), Box::new(|_| {})];
    if options.inspect {
        let print = |sender| move |message: Message<'_>| println!("{sender}: {message:?}");
        taps[0] = Box::new(tap(params.client(), print("client")));
        taps[1] = Box::new(tap(params.server(), print("server")));
    }
    while !(client.is_over && server.is_over) {
        let now = waiter.now();
        client.pass(&mut server, CloseCode::INTERNAL, &mut taps[0], now);
        server.pass(&mut client, CloseCode::BAD_GATEWAY, &mut taps[1], now);
        if !(client.exchange() | server.exchange()) {
            waiter.wait([client.ws.deadline(), server.ws.deadline()])?;
        }
    }
    Ok(())
}
