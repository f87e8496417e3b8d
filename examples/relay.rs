//! A reverse proxy, which passes frames on as they are, while they arrive.
//!
//! `cargo run --release --example relay -- --listen 127.0.0.1:9000 --upstream 127.0.0.1:9001`
//!
//! Each client has a task, and two buffers of 4 KiB in each direction, however long a frame is.
//! Client and server agree with each other on compression and subprotocol, so a compressed message is
//! only masked anew. They answer each other's Pings and Closes, too.

use std::error::Error;
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use barews::deflate::{CompressionContext, DeflateParams, Inflate};
use barews::handshake::{BuildError, server::Upgrade};
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent, SessionRole};
use barews::{Assembler, Client, CloseCode, Config, Data, OsKeys};
use barews::{RecvBuffer, SendBuffer, Server, StorageFull, TransportAction};
use lexopt::prelude::*;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

/// The output of one leg holds all that the other has received, and a Close.
const TX_LEN: usize = 4096;
const RX_LEN: usize = TX_LEN - 160;
const MAX_CLIENTS: usize = 1000;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// No message has a deadline, because it streams. Pings are sent by the far ends only.
const TIMEOUTS: Timeouts = Timeouts::new().message_within(None).ping_after(None);

#[derive(Clone, Copy)]
struct Options {
    upstream: SocketAddr,
    /// From the client, and from the server.
    up: Config,
    down: Config,
    inspect: bool,
}

type Failure = Box<dyn Error + Send + Sync>;
type Output = SendBuffer<Box<[u8]>>;
/// Sees what passes in one direction.
type Tap = Box<dyn FnMut(Data<'_>) + Send>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 9000));
    let (up, down) = (Config::proxy(), Config::proxy());
    let mut options = Options { upstream: listen, up, down, inspect: false };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => listen = arguments.value()?.parse()?,
            Long("upstream") => options.upstream = arguments.value()?.parse()?,
            Long("max-up") => options.up = up.max_message_len(arguments.value()?.parse()?),
            Long("max-down") => options.down = down.max_message_len(arguments.value()?.parse()?),
            Long("inspect") => options.inspect = true,
            _ => return Err(argument.unexpected().into()),
        }
    }
    let listener = TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let clients = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        // More clients wait in the backlog.
        let client = clients.clone().acquire_owned().await?;
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(async move {
                _ = serve(stream, options).await;
                drop(client);
            })),
            Err(error) => {
                eprintln!("{error}");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// One of the two connections.
struct Leg<R: SessionRole> {
    ws: Session<R>,
    rx: RecvBuffer<Box<[u8]>>,
    tx: Output,
    stream: TcpStream,
    is_over: bool,
}

impl<R: SessionRole> Leg<R> {
    fn new(
        stream: TcpStream,
        open: impl FnOnce(&mut Output) -> Result<Session<R>, BuildError>,
    ) -> Result<Self, Failure> {
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        stream.set_nodelay(true)?;
        // The length of the output pauses the other leg, never its own.
        let mut tx = SendBuffer::with_marks(vec![0; TX_LEN].into(), 0, usize::MAX);
        let (ws, rx) = (open(&mut tx)?, RecvBuffer::new(vec![0; RX_LEN].into()));
        Ok(Self { ws, rx, tx, stream, is_over: false })
    }

    /// Ends the transport when it is time; otherwise writes or reads, or waits for a deadline.
    async fn exchange(&mut self) {
        match self.ws.transport_action(&self.tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => self.shut_down(Shutdown::Write),
            TransportAction::Drop => {
                self.is_over = true;
                return self.shut_down(Shutdown::Both);
            }
        }
        let Self { ws, rx, tx, stream, .. } = self;
        let (mut from, mut to) = stream.split();
        tokio::select! {
            // If the transport is lost, so is the output, and reading tells.
            n = to.write(tx.unsent()), if !tx.is_empty() => tx.sent(n.unwrap_or(usize::MAX)),
            n = async { from.read(rx.spare_mut()).await }, if ws.wants_read() => {
                rx.advance(n.unwrap_or(0));
            }
            () = sleep(ws.timeout(now()).unwrap_or(Duration::MAX)) => {}
        }
    }

    /// Passes on what was received. If this leg fails, the other is closed with the code `lost`.
    fn pass<P: SessionRole>(&mut self, to: &mut Leg<P>, lost: CloseCode, tap: &mut Tap) {
        self.ws.pause(!to.tx.is_empty());
        while let Some(event) = self.ws.receive(&mut self.rx, &mut self.tx, now()) {
            to.ws.forward(&event, lost, &mut to.tx, now());
            if let SessionEvent::Data(data) = event {
                tap(data);
            }
        }
    }

    fn shut_down(&self, how: Shutdown) {
        // An error means that the peer has reset the transport.
        _ = SockRef::from(&self.stream).shutdown(how);
    }
}

/// Serves a client until both connections are over.
async fn serve(stream: TcpStream, options: Options) -> Result<(), Failure> {
    let mut client = Leg::new(stream, |_| Ok(Session::server(options.up, TIMEOUTS, now())))?;
    let (mut server, params) = loop {
        match client.ws.receive(&mut client.rx, &mut client.tx, now()) {
            Some(SessionEvent::Upgrade(upgrade)) => {
                match open(&upgrade, &mut client.ws, &mut client.tx, options).await {
                    Ok(opened) => break opened,
                    // No effect if the client has been answered.
                    Err(_) => client.ws.respond(502, &[], b"", &mut client.tx, now())?,
                }
            }
            Some(_) => {}
            None if client.is_over => return Ok(()),
            None => client.exchange().await,
        }
    };
    let mut taps: [Tap; 2] = [Box::new(|_| {}), Box::new(|_| {})];
    if options.inspect {
        taps = [inspector("client", params.client())?, inspector("server", params.server())?];
    }
    while !(client.is_over && server.is_over) {
        client.pass(&mut server, CloseCode::INTERNAL, &mut taps[0]);
        server.pass(&mut client, CloseCode::BAD_GATEWAY, &mut taps[1]);
        tokio::select! {
            () = client.exchange(), if !client.is_over => {}
            () = server.exchange(), if !server.is_over => {}
        }
    }
    Ok(())
}

/// Opens the connection to the server, and answers the client as the server answers.
async fn open(
    upgrade: &Upgrade<'_>,
    ws: &mut Session<Server>,
    tx: &mut Output,
    options: Options,
) -> Result<(Leg<Client<OsKeys>>, DeflateParams), Failure> {
    let stream = timeout(CONNECT_WITHIN, TcpStream::connect(options.upstream)).await??;
    let (request, host) = (upgrade.forward()?, options.upstream.ip().to_string());
    let fields: Vec<_> = upgrade.request().headers().end_to_end().collect();
    let handshake = request.handshake(OsKeys::nonce()?, &host).port(options.upstream.port());
    let handshake = handshake.headers(&fields);
    let mut server = Leg::new(stream, |tx| {
        Session::client(options.down, TIMEOUTS, OsKeys, &handshake, tx, now())
    })?;
    loop {
        match server.ws.receive(&mut server.rx, &mut server.tx, now()) {
            Some(SessionEvent::Opened(it)) => {
                let (fields, deflate) =
                    (it.headers().end_to_end().collect::<Vec<_>>(), it.deflate());
                let accept = upgrade.accept_as(it.protocol(), deflate).ok_or("no such offer")?;
                ws.answer(Ok(accept.headers(&fields)), tx, now())?;
                return Ok((server, deflate.unwrap_or_default()));
            }
            Some(SessionEvent::Rejected(it)) => {
                let fields: Vec<_> = it.headers().end_to_end().collect();
                ws.respond(it.status(), &fields, b"", tx, now())?;
                return Err("the server rejects the client".into());
            }
            Some(SessionEvent::Failed(failure)) => return Err(failure.into()),
            Some(_) => {}
            None => server.exchange().await,
        }
    }
}

/// Prints each whole message of at most 64 KiB, inflated.
fn inspector(sender: &'static str, context: CompressionContext) -> Result<Tap, StorageFull> {
    let mut messages = Assembler::new(vec![0; 64 << 10].into_boxed_slice());
    let inflate = Inflate::new(context, vec![0; Inflate::memory(context)])?;
    let mut inflate = inflate.max_message_len(Config::UNLIMITED);
    Ok(Box::new(move |mut data| {
        let mut out = [0; 4096];
        // What cannot be inflated, the far end reports.
        while let Ok(Some(chunk)) = inflate.push(&mut data, &mut out) {
            if let Ok(Some(message)) = messages.push(&chunk) {
                _ = writeln!(std::io::stdout(), "{sender}: {message:?}");
            }
        }
    }))
}
