//! Tests for `src/bin/tokio.rs`: the program, and its `serve` with cancelled futures and a paused
//! clock.

mod common;

#[expect(dead_code, reason = "`main` is not called here")]
#[path = "../src/bin/tokio.rs"]
mod server;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use barews::keepalive::Timeouts;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex,
};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

common::echo_tests!(common::Server::start(env!("CARGO_BIN_EXE_tokio")).0.unwrap());

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Counts how often a read had to wait.
struct Counting<S> {
    stream: S,
    waits: Arc<AtomicUsize>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counting<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(context, to);
        if poll.is_pending() {
            self.waits.fetch_add(1, Ordering::Relaxed);
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counting<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The bytes arrive and leave one by one, so that nearly every write cancels a read that waits.
#[tokio::test]
async fn a_cancelled_read_loses_no_byte() {
    let (ours, mut theirs) = duplex(1);
    let waits = Arc::new(AtomicUsize::new(0));
    let serve = server::serve(Counting { stream: ours, waits: waits.clone() }, Timeouts::new());
    let talk = async {
        // tungstenite takes a response in single bytes for an attack.
        theirs.write_all(REQUEST).await.unwrap();
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\n") {
            response.push(theirs.read_u8().await.unwrap());
        }
        let mut ws = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        for len in 0..300 {
            let message = Message::text("ü".repeat(len));
            ws.send(message.clone()).await.unwrap();
            assert_eq!(ws.next().await.unwrap().unwrap(), message);
        }
        ws.close(None).await.unwrap();
        assert!(matches!(ws.next().await, Some(Ok(Message::Close(None)))));
        assert!(ws.next().await.is_none());
    };
    let (served, ()) = tokio::join!(serve, talk);
    served.unwrap();
    let cancelled = waits.load(Ordering::Relaxed);
    assert!(cancelled > 10_000, "cancelled only {cancelled} times");
}

/// A server for one connection over a pipe of `len` bytes, and a client after the opening
/// handshake.
async fn connect(len: usize) -> (JoinHandle<Option<String>>, WebSocketStream<DuplexStream>) {
    let (ours, theirs) = duplex(len);
    let timeouts = Timeouts::new()
        .ping_after(Some(Duration::from_secs(30)))
        .pong_within(Some(Duration::from_secs(20)))
        .write_within(Some(Duration::from_secs(40)));
    let serve = async move { server::serve(ours, timeouts).await.err().map(|e| e.to_string()) };
    let serve = tokio::spawn(serve);
    let (ws, _) = tokio_tungstenite::client_async("ws://localhost/", theirs).await.unwrap();
    (serve, ws)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays() {
    let (serve, mut ws) = connect(4096).await;
    let start = Instant::now();
    for minute in 1..=60 {
        for ping in 0..2 {
            assert_eq!(ws.next().await.unwrap().unwrap(), Message::Ping(Vec::new().into()));
            // tungstenite sends its Pong with its next output.
            ws.flush().await.unwrap();
            let due = Duration::from_secs(60 * (minute - 1) + 30 * (ping + 1));
            assert!(
                start.elapsed().abs_diff(due) < Duration::from_secs(1),
                "{:?}",
                start.elapsed()
            );
        }
    }
    ws.close(None).await.unwrap();
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::Close(None));
    assert!(ws.next().await.is_none());
    drop(ws);
    assert_eq!(serve.await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_answer_is_dropped() {
    let (serve, mut ws) = connect(4096).await;
    let start = Instant::now();
    let mut bytes = Vec::new();
    // Read the transport directly: tungstenite would answer the Ping.
    let end = timeout(Duration::from_secs(100), ws.get_mut().read_to_end(&mut bytes));
    end.await.expect("the server ends the connection").unwrap();
    assert_eq!(bytes, b"\x89\x00");
    assert!(start.elapsed().abs_diff(Duration::from_secs(50)) < Duration::from_secs(1));
    assert_eq!(serve.await.unwrap().as_deref(), Some("nothing was received after a Ping"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_no_request_is_dropped() {
    let (ours, mut theirs) = duplex(4096);
    let serve = tokio::spawn(async move {
        server::serve(ours, Timeouts::new()).await.err().map(|error| error.to_string())
    });
    let start = Instant::now();
    assert_eq!(theirs.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(start.elapsed().abs_diff(Duration::from_secs(10)) < Duration::from_secs(1));
    assert_eq!(serve.await.unwrap().as_deref(), Some("the opening handshake took too long"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_not_read() {
    let (serve, mut ws) = connect(4096).await;
    let start = Instant::now();
    let mut sent = 0;
    let flood = async {
        while ws.send(Message::binary(vec![0; 1000])).await.is_ok() {
            sent += 1000;
        }
    };
    timeout(Duration::from_mins(1), flood).await.expect("the server gives up");
    // 64 KiB wait for the client, and a message more; the read buffer, and the pipe in both directions.
    assert!(sent <= (64 << 10) + 1000 + 8192 + 2 * 4096, "{sent} bytes were accepted");
    assert!(start.elapsed().abs_diff(Duration::from_secs(40)) < Duration::from_secs(1));
    assert_eq!(serve.await.unwrap().as_deref(), Some("the peer does not read"));
}
