//! Tests for `src/bin/http2.rs`: with tungstenite on an HTTP/2 stream, and frame by frame.

mod common;

use std::future::poll_fn;
use std::time::Duration;

use barews::{CloseCode, Config, Connection, Event, Kind, RecvBuffer};
use bytes::Bytes;
use common::{Server, Target};
use h2::client::ResponseFuture;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// The initial window of a stream and of a connection (RFC 9113 §6.9.2).
const WINDOW: usize = 65_535;

struct Http2(Server);

impl Http2 {
    fn start() -> Self {
        Self(Server::start(env!("CARGO_BIN_EXE_http2")).0.unwrap())
    }

    async fn request(&self, request: Request<()>) -> (ResponseFuture, SendStream<Bytes>) {
        let stream = TcpStream::connect(self.0.address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let mut client = client.ready().await.unwrap();
        // RFC 8441 §3: not before the server's settings allow it.
        while !client.is_extended_connect_protocol_enabled() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client.send_request(request, false).unwrap()
    }

    async fn open(&self) -> (SendStream<Bytes>, RecvStream) {
        let (response, to) = self.request(connect("websocket", "13")).await;
        let response = response.await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        (to, response.into_body())
    }

    async fn status(&self, request: Request<()>) -> u16 {
        self.request(request).await.0.await.unwrap().status().as_u16()
    }
}

fn connect(protocol: &'static str, version: &str) -> Request<()> {
    let request = Request::builder().method(Method::CONNECT).uri("http://localhost/chat");
    let request = request.header("sec-websocket-version", version);
    request.extension(Protocol::from_static(protocol)).body(()).unwrap()
}

/// Sends all `bytes`. Adds the number of bytes sent so far to `sent`, also if cancelled.
async fn send(to: &mut SendStream<Bytes>, mut bytes: Bytes, sent: &mut usize) {
    while !bytes.is_empty() {
        to.reserve_capacity(bytes.len());
        let room = poll_fn(|context| to.poll_capacity(context)).await.unwrap().unwrap();
        let piece = bytes.split_to(room.min(bytes.len()));
        *sent += piece.len();
        to.send_data(piece, false).unwrap();
    }
}

impl Target for Http2 {
    type Stream = DuplexStream;

    async fn connect(&self) -> WebSocketStream<DuplexStream> {
        let (mut to, mut from) = self.open().await;
        let (near, far) = tokio::io::duplex(WINDOW);
        let (mut down, mut up) = tokio::io::split(far);
        tokio::spawn(async move {
            let mut bytes = vec![0; 4096];
            while let Ok(n @ 1..) = down.read(&mut bytes).await {
                send(&mut to, Bytes::copy_from_slice(&bytes[..n]), &mut 0).await;
            }
            // The server may already have ended the stream.
            let _ = to.send_data(Bytes::new(), true);
        });
        tokio::spawn(async move {
            while let Some(piece) = from.data().await {
                let piece = piece.unwrap();
                if up.write_all(&piece).await.is_err() {
                    return;
                }
                from.flow_control().release_capacity(piece.len()).unwrap();
            }
            up.shutdown().await.unwrap();
        });
        WebSocketStream::from_raw_socket(near, Role::Client, None).await
    }
}

common::echo_tests!(Http2::start());

#[tokio::test]
async fn other_requests_are_refused() {
    let server = Http2::start();
    assert_eq!(server.status(connect("websocket", "12")).await, 400);
    assert_eq!(server.status(connect("connect-udp", "13")).await, 501);
    let get = Request::builder().uri("http://localhost/").body(()).unwrap();
    assert_eq!(server.status(get).await, 404);
}

/// RFC 8441 §5: an abrupt end of the transport is a reset with CANCEL.
#[tokio::test]
async fn an_end_without_a_close_is_reset() {
    let server = Http2::start();
    let (mut to, mut from) = server.open().await;
    to.send_data(Bytes::new(), true).unwrap();
    let error = from.data().await.expect("a reset").unwrap_err();
    assert_eq!(error.reason(), Some(h2::Reason::CANCEL));
}

/// A client that does not read its echoes can send no more than the windows of both directions
/// hold. Once it reads, the connection continues.
#[tokio::test]
async fn windows_are_backpressure() {
    let server = Http2::start();
    let (mut to, mut from) = server.open().await;
    let keys = || getrandom::u32().unwrap().to_ne_bytes();
    let mut ws = Connection::client(Config::new(), keys);
    let payload: Vec<u8> = (0..1 << 20).map(|i: u32| i.to_be_bytes()[2]).collect();
    let mut bytes = vec![0; payload.len() + 64];
    let mut n = ws.send_binary(&payload, &mut bytes).unwrap();
    n += ws.send_close(CloseCode::NORMAL, "", &mut bytes[n..]).unwrap();
    bytes.truncate(n);
    let bytes = Bytes::from(bytes);

    let mut sent = 0;
    let stuck = timeout(Duration::from_millis(500), send(&mut to, bytes.clone(), &mut sent)).await;
    assert!(stuck.is_err());
    assert!((WINDOW..=2 * WINDOW).contains(&sent), "{sent} bytes were accepted");

    let rest = async {
        send(&mut to, bytes.slice(sent..), &mut 0).await;
        to.send_data(Bytes::new(), true).unwrap();
    };
    let receive = async {
        let mut rx = RecvBuffer::new(vec![0; 32 << 10]);
        let mut echo = Vec::new();
        let mut closed = None;
        while let Some(piece) = from.data().await {
            let piece = piece.unwrap();
            from.flow_control().release_capacity(piece.len()).unwrap();
            rx.reserve(piece.len()).unwrap();
            rx.spare_mut()[..piece.len()].copy_from_slice(&piece);
            rx.advance(piece.len());
            let mut input = rx.input();
            loop {
                match ws.receive(&mut input).unwrap() {
                    Event::Data(data) => {
                        assert_eq!((data.kind, closed), (Kind::Binary, None));
                        echo.extend_from_slice(data.payload);
                    }
                    Event::Close(close) => closed = close.map(|close| close.code),
                    Event::NeedMore(_) => break,
                    event => panic!("{event:?}"),
                }
            }
        }
        ws.receive_eof().unwrap();
        assert!(echo == payload, "the echo differs");
        assert_eq!(closed, Some(CloseCode::NORMAL));
    };
    timeout(Duration::from_mins(1), async { tokio::join!(rest, receive) }).await.unwrap();
}
