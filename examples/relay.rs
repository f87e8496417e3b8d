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
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use barews::deflate::{CompressionContext, DeflateParams, Inflate};
use barews::handshake::deflate::DeflateOffer;
use barews::handshake::{HeaderField, client::Handshake, server::Upgrade};
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent, SessionRole};
use barews::{Assembler, Client, CloseCode, Config, ControlOrder, Data, Message, OsKeys};
use barews::{RecvBuffer, SendBuffer, Server, StorageFull, TransportAction};
use lexopt::prelude::*;
use mio::{Events, Interest, Poll, Token};
use socket2::{SockRef, TcpKeepalive};

/// The output of one leg holds all that the other has received, and a Close.
const TX_LEN: usize = 4096;
const RX_LEN: usize = TX_LEN - 160;
const MAX_CLIENTS: usize = 1000;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// No message has a deadline, because it streams. Pings are sent by the far ends only.
const TIMEOUTS: Timeouts = Timeouts::new().message_within(None).ping_after(None);
const FIELDS: &str = " authorization cookie set-cookie user-agent www-authenticate ";

#[derive(Clone, Copy)]
struct Options {
    upstream: SocketAddr,
    /// The longest message from the client, and from the server.
    max_up: u64,
    max_down: u64,
    inspect: bool,
}

type Failure = Box<dyn Error>;
type Output = SendBuffer<[u8; TX_LEN]>;
/// Sees what passes in one direction.
type Tap = Box<dyn FnMut(Data<'_>)>;

fn main() -> Result<(), Failure> {
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
    for stream in listener.incoming() {
        let client = Arc::clone(&clients);
        let serve = move |stream| {
            _ = serve(stream, options);
            drop(client);
        };
        let start = |stream| thread::Builder::new().spawn(move || serve(stream));
        if let Err(error) = stream.and_then(start) {
            eprintln!("{error}");
            thread::sleep(Duration::from_millis(100));
        }
        // More clients wait in the backlog.
        while Arc::strong_count(&clients) > MAX_CLIENTS {
            thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// The length of the output pauses the other leg, never its own.
fn output() -> Output {
    SendBuffer::with_marks([0; TX_LEN], 0, usize::MAX)
}

fn config(max_len: u64) -> Config {
    let config = Config::new().max_frame_len(max_len).max_message_len(max_len);
    let config = config.max_fragments(u32::MAX).control_order(ControlOrder::Wire);
    config.auto_pong(false).auto_close(false).auto_fail(false)
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
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
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
        let action = self.ws.transport_action(&self.tx);
        self.is_over = action == TransportAction::Drop;
        _ = match action {
            TransportAction::Keep | TransportAction::AwaitEnd => Ok(()),
            TransportAction::HalfClose => self.stream.shutdown(Shutdown::Write),
            TransportAction::Drop => self.stream.shutdown(Shutdown::Both),
        };
        if self.ws.wants_read() && !self.is_over {
            read = unless_blocked(self.stream.read(self.rx.spare_mut()), 0);
            if let Some(n) = read {
                self.rx.advance(n);
            }
        }
        written.or(read).is_some()
    }

    /// Passes on what was received. If this leg fails, the other is closed with the code `lost`.
    fn pass<P: SessionRole>(&mut self, to: &mut Leg<P>, lost: CloseCode, tap: &mut Tap) {
        self.ws.pause(!to.tx.is_empty());
        while let Some(event) = self.ws.receive(&mut self.rx, &mut self.tx, now()) {
            if to.ws.forward(&event, lost, &mut to.tx, now()).is_err() {
                _ = to.stream.shutdown(Shutdown::Both);
            }
            if let SessionEvent::Data(data) = event {
                tap(data);
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

/// Waits for a socket or a deadline, unless there is more to do.
fn wait(poll: &mut Poll, is_changed: bool, deadlines: [Option<Duration>; 2]) -> io::Result<()> {
    if is_changed {
        return Ok(());
    }
    let time = deadlines.into_iter().flatten().min().map(|at| at.saturating_sub(now()));
    match poll.poll(&mut Events::with_capacity(2), time) {
        Err(error) if error.kind() != ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Serves a client until both connections are over.
fn serve(stream: TcpStream, options: Options) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let ws = Session::server(config(options.max_up), TIMEOUTS, now());
    let mut client = Leg::new(ws, output(), stream, &poll)?;
    let (mut server, params) = loop {
        match client.ws.receive(&mut client.rx, &mut client.tx, now()) {
            Some(SessionEvent::Upgrade(upgrade)) => {
                match open(&upgrade, &mut client.ws, &mut client.tx, &mut poll, options) {
                    Ok(opened) => break opened,
                    // No effect if the client has been answered.
                    Err(_) => client.ws.respond(502, &[], b"", &mut client.tx, now())?,
                }
            }
            Some(_) => {}
            None if client.is_over => return Ok(()),
            None => wait(&mut poll, client.exchange(), [client.ws.deadline(), None])?,
        }
    };
    let mut taps: [Tap; 2] = [Box::new(|_| {}), Box::new(|_| {})];
    if options.inspect {
        let print = |sender| move |it: Message<'_>| _ = writeln!(io::stdout(), "{sender}: {it:?}");
        taps[0] = inspector(params.client(), print("client"))?;
        taps[1] = inspector(params.server(), print("server"))?;
    }
    while !(client.is_over && server.is_over) {
        client.pass(&mut server, CloseCode::INTERNAL, &mut taps[0]);
        server.pass(&mut client, CloseCode::BAD_GATEWAY, &mut taps[1]);
        let is_changed = client.exchange() | server.exchange();
        wait(&mut poll, is_changed, [client.ws.deadline(), server.ws.deadline()])?;
    }
    Ok(())
}

/// Opens the connection to the server, and answers the client as the server answers.
fn open(
    upgrade: &Upgrade<'_>,
    ws: &mut Session<Server>,
    tx: &mut Output,
    poll: &mut Poll,
    options: Options,
) -> Result<(Leg<Client<OsKeys>>, DeflateParams), Failure> {
    let stream = TcpStream::connect_timeout(&options.upstream, CONNECT_WITHIN)?;
    let (request, host) = (upgrade.request(), options.upstream.ip().to_string());
    let protocols: Vec<_> = upgrade.protocols().collect();
    let offers: Vec<_> = upgrade.extensions().filter_map(DeflateOffer::parse).collect();
    let fields = passed(request.headers());
    let mut handshake = Handshake::new(OsKeys::nonce()?, &host, request.target());
    handshake = handshake.port(options.upstream.port()).protocols(&protocols);
    handshake = handshake.deflate(&offers).headers(&fields);
    if let Some(origin) = upgrade.origin() {
        handshake = handshake.origin(str::from_utf8(origin)?);
    }
    let (config, mut out) = (config(options.max_down), output());
    let session = Session::client(config, TIMEOUTS, OsKeys, &handshake, &mut out, now())?;
    let mut server = Leg::new(session, out, stream, poll)?;
    loop {
        match server.ws.receive(&mut server.rx, &mut server.tx, now()) {
            Some(SessionEvent::Opened(it)) => {
                let (fields, deflate) = (passed(it.headers()), it.deflate());
                let accept = upgrade.accept_as(it.protocol(), deflate).ok_or("no such offer")?;
                ws.answer(Ok(accept.headers(&fields)), tx, now())?;
                return Ok((server, deflate.unwrap_or_default()));
            }
            Some(SessionEvent::Rejected(it)) => {
                ws.respond(it.status(), &passed(it.headers()), b"", tx, now())?;
                return Err("the server rejects the client".into());
            }
            Some(SessionEvent::Failed(failure)) => return Err(failure.into()),
            Some(_) => {}
            None => wait(poll, server.exchange(), [server.ws.deadline(), None])?,
        }
    }
}

fn passed<'b>(fields: impl Iterator<Item = HeaderField<'b>>) -> Vec<(&'b str, &'b str)> {
    let is_passed = |name: &str| FIELDS.contains(&format!(" {} ", name.to_ascii_lowercase()));
    let fields = fields.filter(|field| is_passed(field.name));
    fields.filter_map(|field| Some((field.name, str::from_utf8(field.value).ok()?))).collect()
}

/// Lets `inspect` see each whole message of at most 64 KiB, inflated.
fn inspector(
    context: CompressionContext,
    mut inspect: impl FnMut(Message<'_>) + 'static,
) -> Result<Tap, StorageFull> {
    let mut messages = Assembler::new(vec![0; 64 << 10].into_boxed_slice());
    let inflate = Inflate::new(context, vec![0; Inflate::memory(context)])?;
    let mut inflate = inflate.max_message_len(Config::UNLIMITED);
    Ok(Box::new(move |mut data| {
        let mut out = [0; 4096];
        // What cannot be inflated, the far end reports.
        while let Ok(Some(chunk)) = inflate.push(&mut data, &mut out) {
            if let Ok(Some(message)) = messages.push(&chunk) {
                inspect(message);
            }
        }
    }))
}
