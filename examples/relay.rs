//! A reverse proxy, which passes frames on as they are, while they arrive.
//!
//! `cargo run --release --example relay -- --listen 127.0.0.1:9000 --upstream 127.0.0.1:9001`
//!
//! Each client has a task, and two buffers of 4 KiB in each direction, however long a frame is.
//! Client and server agree with each other on compression and subprotocol, so a compressed message is
//! only masked anew. They answer each other's Pings and Closes, too.

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use barews::deflate::{CompressionContext, DeflateParams, Inflate, InflateAssembler};
use barews::handshake::client::Response;
use barews::handshake::server::Upgrade;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent, SessionRole};
use barews::{
    Client, CloseCode, Config, Data, OsKeys, RecvBuffer, SendBuffer, Server, StorageFull,
};
use barews_tokio::{Clock, Driver};
use lexopt::prelude::*;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

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
/// One of the two connections.
type Leg<R> = Driver<R, TcpStream, Box<[u8]>>;
/// Sees the messages of one direction.
type Inspector = InflateAssembler<Box<[u8]>, Vec<u8>>;

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
    match barews_tokio::serve(listener, MAX_CLIENTS, move |client| serve(client, options)).await {}
}

/// The length of an output pauses the other leg, never its own.
fn output() -> Output {
    SendBuffer::with_marks(vec![0; TX_LEN].into(), 0, usize::MAX)
}

fn leg<R: SessionRole>(io: TcpStream, ws: Session<R>, tx: Output) -> Result<Leg<R>, Failure> {
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
    SockRef::from(&io).set_tcp_keepalive(&keepalive)?;
    io.set_nodelay(true)?;
    Ok(Driver::new(io, ws, RecvBuffer::new(vec![0; RX_LEN].into()), tx))
}

/// Serves a client until both connections are over.
async fn serve(stream: TcpStream, options: Options) -> Result<(), Failure> {
    let ws = Session::server(options.up, TIMEOUTS, Duration::ZERO);
    let mut client = leg(stream, ws, output())?;
    let (mut server, params) = loop {
        let Driver { ws, rx, tx, clock, .. } = &mut client;
        match ws.receive(rx, tx, clock.now()) {
            Some(SessionEvent::Upgrade(upgrade)) => {
                match open(&upgrade, ws, tx, *clock, options).await {
                    Ok(opened) => break opened,
                    // No effect if the client has been answered.
                    Err(_) => ws.respond(502, &[], b"", tx, clock.now())?,
                }
            }
            Some(_) => {}
            None => client.exchange().await?,
        }
    };
    let inspect = |context| options.inspect.then(|| inspector(context)).transpose();
    let (mut up, mut down) = (inspect(params.client())?, inspect(params.server())?);
    while !(client.is_over() && server.is_over()) {
        client.forward_to(&mut server, CloseCode::INTERNAL, |it| print("client", &mut up, it));
        server.forward_to(&mut client, CloseCode::BAD_GATEWAY, |it| print("server", &mut down, it));
        // If a transport is lost, the next event says so.
        tokio::select! {
            _ = client.exchange(), if !client.is_over() => {}
            _ = server.exchange(), if !server.is_over() => {}
        }
    }
    Ok(())
}

/// Opens the connection to the server, and answers the client as the server answers.
async fn open(
    upgrade: &Upgrade<'_>,
    ws: &mut Session<Server>,
    tx: &mut Output,
    clock: Clock,
    options: Options,
) -> Result<(Leg<Client<OsKeys>>, DeflateParams), Failure> {
    let stream = timeout(CONNECT_WITHIN, TcpStream::connect(options.upstream)).await??;
    let (request, host) = (upgrade.forward()?, options.upstream.ip().to_string());
    let handshake = request.handshake(OsKeys::nonce()?, &host).port(options.upstream.port());
    let handshake = handshake.forward_headers(upgrade.request().headers());
    let mut output = output();
    let (config, start) = (options.down, Duration::ZERO);
    let client = Session::client(config, TIMEOUTS, OsKeys, &handshake, &mut output, start)?;
    let mut server = leg(stream, client, output)?;
    let answered = server.open(|response| match response {
        Response::Accepted(it) => {
            let accept = upgrade.accept_as(it.protocol(), it.deflate()).ok_or("no such offer")?;
            ws.answer(Ok(accept.forward_headers(it.headers())), tx, clock.now())?;
            Ok(it.deflate().unwrap_or_default())
        }
        Response::Rejected(it) => {
            ws.reject_as(&it, tx, clock.now())?;
            Err(Failure::from("the server rejects the client"))
        }
    });
    let params = answered.await??;
    Ok((server, params))
}

/// Prints each whole message of at most 64 KiB, inflated. What cannot be inflated, the far end reports.
fn print(sender: &str, inspector: &mut Option<Inspector>, mut data: Data<'_>) {
    if let Some(messages) = inspector
        && let Ok(Some(message)) = messages.push(&mut data)
    {
        _ = writeln!(std::io::stdout(), "{sender}: {message:?}");
    }
}

fn inspector(context: CompressionContext) -> Result<Inspector, StorageFull> {
    let inflate = Inflate::new(context, vec![0; Inflate::memory(context)])?;
    Ok(InflateAssembler::new(inflate.max_message_len(Config::UNLIMITED), vec![0; 64 << 10].into()))
}
