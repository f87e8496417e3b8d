//! WebSocket over HTTP/2 (RFC 8441): the transport is a stream of an HTTP/2 connection.
//!
//! There is no RFC 6455 opening handshake, so the session starts opened. The HTTP/2 flow-control
//! windows provide backpressure: no piece is taken from them before the echo of the last one is sent.
//!
//! `cargo run -p barews-runtimes --bin http2 -- 127.0.0.1:9001`
//!
//! It uses no TLS, so browsers will not connect to it.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use barews::handshake::server::Upgrade;
use barews::keepalive::Timeouts;
use barews::session::{Session, SessionEvent};
use barews::{Config, Connection, RecvBuffer, SendBuffer, TransportAction};
use bytes::Bytes;
use h2::RecvStream;
use h2::ext::Protocol;
use h2::server::{Builder, SendResponse};
use http::{Method, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

const USAGE: &str = "An echo server: http2 [ADDR:PORT] (127.0.0.1:9001 by default; port 0 is any)";
/// HTTP/2 connections at a time.
const MAX_CLIENTS: usize = 1000;
/// How long an HTTP/2 connection may have no WebSocket.
const IDLE: Duration = Duration::from_secs(10);
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9001".to_owned());
    let (Ok(address), None) = (address.parse::<SocketAddr>(), arguments.next()) else {
        eprintln!("{USAGE}");
        std::process::exit(if address == "--help" || address == "-h" { 0 } else { 2 });
    };
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    match barews_tokio::serve(listener, MAX_CLIENTS, serve).await {}
}

/// Serves one HTTP/2 connection with some streams.
async fn serve(stream: TcpStream) -> Result<(), Failure> {
    let mut builder = Builder::new();
    builder.enable_connect_protocol().max_concurrent_streams(100).max_header_list_size(16 << 10);
    builder.initial_window_size(32 << 10);
    let mut http = timeout(IDLE, builder.handshake(stream)).await??;
    let streams = Arc::new(());
    loop {
        match timeout(IDLE, http.accept()).await {
            Ok(Some(request)) => drop(tokio::spawn(serve_stream(request?, streams.clone()))),
            Err(_) if Arc::strong_count(&streams) > 1 => {}
            _ => return Ok(()),
        }
    }
}

/// Serves one WebSocket. On an error the stream is dropped and thereby reset, as RFC 8441 §5
/// requires.
async fn serve_stream(
    (request, mut respond): (Request<RecvStream>, SendResponse<Bytes>),
    _counted: Arc<()>,
) -> Result<(), Failure> {
    let protocol = request.extensions().get::<Protocol>().map_or("", Protocol::as_str);
    let status = match Upgrade::from_connect(protocol, request.headers()) {
        _ if request.method() != Method::CONNECT => 404,
        Ok(_) => 200,
        Err(error) => error.status(),
    };
    let response = Response::builder().status(status).body(())?;
    let mut to = respond.send_response(response, status != 200)?;
    if status != 200 {
        return Ok(());
    }
    let (start, mut from) = (Instant::now(), request.into_body());
    let mut ws =
        Session::opened(Connection::server(Config::new()), Timeouts::new(), Duration::ZERO);
    let (mut rx, mut tx) = (RecvBuffer::new(vec![]), SendBuffer::with_marks(vec![], 0, 0));
    loop {
        while let Some(event) = ws.receive(&mut rx, &mut tx, start.elapsed()) {
            match event {
                SessionEvent::Data(it) => ws.send_fragment(it.kind, it.fin, it.payload, &mut tx)?,
                SessionEvent::Failed(failure) => eprintln!("{failure}"),
                _ => {}
            }
        }
        match ws.transport_action(&tx) {
            TransportAction::Keep | TransportAction::AwaitEnd => {}
            TransportAction::HalfClose => to.send_data(Bytes::new(), true)?,
            TransportAction::Drop => return Ok(()),
        }
        to.reserve_capacity(tx.len());
        tokio::select! {
            biased;
            room = poll_fn(|context| to.poll_capacity(context)), if !tx.is_empty() => {
                let n = room.ok_or("the stream was closed")??.min(tx.len());
                to.send_data(Bytes::copy_from_slice(&tx.unsent()[..n]), false)?;
                tx.sent(n);
            }
            piece = from.data(), if ws.wants_read() => match piece.transpose()? {
                Some(piece) => {
                    rx.push(&piece)?;
                    from.flow_control().release_capacity(piece.len())?;
                }
                None => rx.end(),
            },
            () = sleep(ws.timeout(start.elapsed()).unwrap_or(Duration::MAX)) => {}
        }
    }
}
