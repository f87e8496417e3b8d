//! Tests for `src/bin/tokio/`: the program, and its parts with cancelled futures and a paused
//! clock.

mod common;

#[expect(dead_code, reason = "`main` is not called here")]
#[path = "../src/bin/tokio/main.rs"]
mod server;

use std::time::Duration;

use barews::RecvBuffer;
use barews::keepalive::Timeouts;
use futures_lite::future::{poll_once, yield_now};
use futures_util::{SinkExt, StreamExt};
use server::session::Session;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

common::echo_tests!(common::Server::start(env!("CARGO_BIN_EXE_tokio")).0.unwrap());

/// Every future of `step` is polled once and dropped, while the bytes arrive one by one.
#[tokio::test]
async fn a_cancelled_step_loses_no_byte() {
    let (ours, theirs) = duplex(1);
    let (mut from, to) = tokio::io::split(ours);
    let (queue, outputs) = mpsc::channel(1);
    let (written, progress) = watch::channel(0);
    let writer = tokio::spawn(server::write(to, outputs, written));
    let serve = async {
        let rx = RecvBuffer::new(vec![0; 256]);
        let mut session = Session::new(&mut from, rx, (queue, progress), Timeouts::new()).unwrap();
        let mut cancelled = 0;
        while !session.is_over() {
            match poll_once(session.step()).await {
                Some(result) => result.unwrap(),
                None => cancelled += 1,
            }
            yield_now().await;
        }
        cancelled
    };
    let talk = async {
        let mut ws = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
        for len in 0..300 {
            let message = Message::text("ü".repeat(len));
            ws.send(message.clone()).await.unwrap();
            assert_eq!(ws.next().await.unwrap().unwrap(), message);
        }
        ws.close(None).await.unwrap();
        assert!(matches!(ws.next().await, Some(Ok(Message::Close(None)))));
        ws
    };
    let (cancelled, _ws) = tokio::join!(serve, talk);
    assert!(cancelled > 10_000, "cancelled only {cancelled} times");
    writer.await.unwrap().unwrap();
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
    assert_eq!(serve.await.unwrap().as_deref(), Some("expired: Pong"));
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
    timeout(Duration::from_secs(60), flood).await.expect("the server gives up");
    // 8 KiB each: the outputs in the queue, before it and after it, and the read buffer. And the
    // pipe in both directions.
    assert!(sent <= 11 * 8192 + 2 * 4096, "{sent} bytes were accepted");
    assert!(start.elapsed().abs_diff(Duration::from_secs(40)) < Duration::from_secs(1));
    assert_eq!(serve.await.unwrap().as_deref(), Some("expired: Write"));
}
