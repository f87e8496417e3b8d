//! WebSocket over HTTP/2 (RFC 8441): the transport is a stream of an HTTP/2 connection.
//!
//! There is no RFC 6455 opening handshake, so a `Connection` is used at once. The HTTP/2
//! flow-control windows provide backpressure: the peer may send more once it has received its
//! echoes.
//!
//! `cargo run -p barews-runtimes --bin http2 -- 127.0.0.1:9001`
//!
//! It uses no TLS, so browsers will not connect to it.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use barews::{Config, Connection, Event, MIN_BUFFER_LEN, RecvBuffer, TransportAction};
use barews_runtimes::{Failure, append, start};
use bytes::Bytes;
use h2::ext::Protocol;
use h2::server::{Builder, SendResponse};
use h2::{RecvStream, SendStream};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The longest DATA frame by default (RFC 9113 §6.5.2).
const MAX_FRAME_LEN: usize = 16_384;

fn main() -> ExitCode {
    start("http2", listen)
}

#[tokio::main(flavor = "current_thread")]
async fn listen(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async {
            serve(stream).await.unwrap_or_else(|error| eprintln!("{error}"));
        });
    }
}

/// Serves one HTTP/2 connection with any number of streams.
async fn serve(stream: TcpStream) -> Result<(), h2::Error> {
    let mut http = Builder::new().enable_connect_protocol().handshake(stream).await?;
    while let Some(request) = http.accept().await {
        let (request, respond) = request?;
        tokio::spawn(async {
            serve_messages(request, respond).await.unwrap_or_else(|error| eprintln!("{error}"));
        });
    }
    Ok(())
}

/// The status for a request. RFC 8441 §5 keeps the header fields of the opening handshake except
/// the key and its answer.
fn status<B>(request: &Request<B>) -> StatusCode {
    let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
    let version = request.headers().get("sec-websocket-version").map(HeaderValue::as_bytes);
    match (request.method(), protocol, version) {
        (&Method::CONNECT, Some("websocket"), Some(b"13")) => StatusCode::OK,
        (&Method::CONNECT, Some("websocket"), _) => StatusCode::BAD_REQUEST,
        (&Method::CONNECT, ..) => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::NOT_FOUND,
    }
}

/// Serves one WebSocket. On an error the stream is dropped and thereby reset, as RFC 8441 §5
/// requires.
async fn serve_messages(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), Failure> {
    let status = status(&request);
    let response = Response::builder().status(status).body(())?;
    let mut to = respond.send_response(response, status != StatusCode::OK)?;
    if status != StatusCode::OK {
        return Ok(());
    }
    let mut from = request.into_body();
    let mut ws = Connection::server(Config::new());
    let mut rx = RecvBuffer::new(vec![0; MIN_BUFFER_LEN + MAX_FRAME_LEN]);
    while ws.transport_action() == TransportAction::Keep {
        let Some(piece) = from.data().await.transpose()? else { return Ok(ws.receive_eof()?) };
        rx.reserve(piece.len())?;
        rx.spare_mut()[..piece.len()].copy_from_slice(&piece);
        rx.advance(piece.len());
        let mut out = Vec::new();
        let mut input = rx.input();
        loop {
            let event = ws.receive(&mut input);
            // A Pong, or a Close that answers a Close or an error, is sent before later data.
            append(&mut out, |out| ws.transmit(out))?;
            match event {
                Ok(Event::Data(data)) => append(&mut out, |out| {
                    ws.send_fragment(data.kind, data.fin, data.payload, out)
                })?,
                Ok(Event::Ping(_) | Event::Pong(_) | Event::Close(_)) => {}
                Ok(Event::NeedMore(_)) | Err(_) => break,
            }
        }
        send(&mut to, out.into()).await?;
        from.flow_control().release_capacity(piece.len())?;
    }
    // END_STREAM is the orderly end of the transport.
    to.send_data(Bytes::new(), true)?;
    let rest = async {
        while let Some(Ok(piece)) = from.data().await {
            from.flow_control().release_capacity(piece.len())?;
        }
        Ok(())
    };
    timeout(Duration::from_secs(10), rest).await?
}

/// Sends all `bytes`, waiting for flow-control capacity.
async fn send(to: &mut SendStream<Bytes>, mut bytes: Bytes) -> Result<(), Failure> {
    while !bytes.is_empty() {
        to.reserve_capacity(bytes.len());
        let room = poll_fn(|context| to.poll_capacity(context)).await;
        let room = room.ok_or("the stream was closed")??;
        to.send_data(bytes.split_to(room.min(bytes.len())), false)?;
    }
    Ok(())
}
